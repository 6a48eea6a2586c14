import { Deadlines } from '../kernel/deadlines.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { USER_CREDITS } from './codec.ts';
import { CreditAccounts } from './credit_accounts.ts';
import { EarningsAccounts } from './earnings_accounts.ts';
import { type Credits, PaymentsOfSessions } from './payments_of_sessions.ts';
import { creditRoutes } from './routes.ts';
import { creditGauges, SumsOfAccounts } from './sums.ts';

type Context = Pick<DomainContext, 'store' | 'log' | 'deadlineStats'> & {
  readonly principals: Pick<DomainContext['principals'], 'users' | 'agents'>;
};

/** A payment that was in flight when its node died is finished within 2 s of any node's running. */
const POLL_MS = 250;
/** A node may die with a deadline claimed, and nobody else gets it before. */
export const LEASE_MS = 1_500;

/** The money inside sessions: credits of users, earnings of agents, and payments from one to the other. */
export function creditsFeature(context: Context): Domain & { readonly credits: Credits } {
  const { store, log, principals, deadlineStats: stats } = context;
  const accounts = new CreditAccounts(store);
  const earnings = new EarningsAccounts(store);
  const credits = new PaymentsOfSessions(accounts, earnings);
  const deadlines = new Deadlines({ store, log, pollMs: POLL_MS, leaseMs: LEASE_MS, stats });
  deadlines.on(USER_CREDITS, (userId) => credits.finishAll(userId));

  return {
    name: 'credits',
    credits,
    routes: creditRoutes({ ...principals, accounts, earnings, store }),
    gauges: creditGauges(new SumsOfAccounts({ store, users: accounts, agents: earnings, log })),
    start: () => deadlines.start(),
    handleDue: () => deadlines.handleDue(),
    close: () => deadlines.stop(),
  };
}
