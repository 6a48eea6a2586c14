import { jsonAnswer, jsonBody, type Method, type Route } from '../../server/http/index.ts';
import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { anInteger, readParams } from '../kernel/lists/query.ts';
import { micro, usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import type { AccountKind, RegisteredAccount } from '../principals/account.ts';
import type { Principal } from '../principals/authenticate.ts';
import {
  type ApiCall,
  type Handle,
  mayManage,
  unlessSuspended,
  unlessSuspendedOrOwn,
} from '../principals/permissions.ts';
import type { CreditAccounts } from './credit_accounts.ts';
import type { EarningsAccounts } from './earnings_accounts.ts';
import { CreditRequest, PayoutRequest } from './schema.ts';
import { type LedgerEntry, newCreditAccount, newEarningsAccount } from './state.ts';
import { balanceView, creditView, earningsView, ledgerView, payoutView } from './view.ts';

/** The accounts of principals, of which these calls need to know whose they are. */
interface Owners {
  readonly kind: AccountKind;
  readProfiles(ids: readonly string[]): Promise<(RegisteredAccount | undefined)[]>;
}

export interface CreditRoutesOptions {
  readonly users: Owners;
  readonly agents: Owners;
  readonly accounts: CreditAccounts;
  readonly earnings: EarningsAccounts;
  readonly store: Pick<Store, 'nowMs'>;
}

/** The calls on credits of users and earnings of agents (docs/SESSIONS.md). */
export function creditRoutes(options: CreditRoutesOptions): Route<Principal>[] {
  const { users, agents, accounts, earnings } = options;
  const route = (method: Method, path: string, handle: Handle): Route<Principal> => ({ method, path, handle });
  return [
    route('POST', '/api/users/:id/credits', unlessSuspended(giveCredit(options))),
    route('GET', '/api/users/:id/balance', unlessSuspended(readBalance(options))),
    route('GET', '/api/users/:id/ledger', unlessSuspended(readLedgerOf(users, accounts))),
    route('GET', '/api/agents/:id/ledger', unlessSuspendedOrOwn(readLedgerOf(agents, earnings))),
    route('GET', '/api/agents/:id/earnings', unlessSuspendedOrOwn(readEarnings(options))),
    route('POST', '/api/agents/:id/payouts', unlessSuspended(payOut(options))),
  ];
}

const readCredit = jsonBody(CreditRequest);

/** `POST /api/users/{id}/credits` */
function giveCredit({ users, accounts }: CreditRoutesOptions): Handle {
  return async ({ exchange, principal, param }) => {
    const userId = param('id');
    if (!(await isThere(users, userId))) return refuse('not_found');
    const read = await readCredit(exchange);
    if (!read.ok) return read;
    if (principal.kind !== 'admin') return refuse('forbidden');
    const { id, amount_usdc: amount, note } = read.body;
    const applied = await accounts.apply(userId, {
      type: 'credit',
      id,
      amountMicro: micro(amount),
      ...(note !== undefined && { note }),
    });
    if (!applied.ok) return applied;
    const { state, events } = applied;
    const credit = state.credits.get(id);
    if (!credit) throw new Error(`credit ${id}: taken and not recorded`);
    const body = { credit: creditView(id, credit), balance: usdc(state.balanceMicro) };
    return jsonAnswer(events.length > 0 ? 201 : 200, body);
  };
}

const readPayout = jsonBody(PayoutRequest);

/** `POST /api/agents/{id}/payouts` */
function payOut({ agents, earnings }: CreditRoutesOptions): Handle {
  return async ({ exchange, principal, param }) => {
    const agentId = param('id');
    if (!(await isThere(agents, agentId))) return refuse('not_found');
    const read = await readPayout(exchange);
    if (!read.ok) return read;
    if (principal.kind !== 'admin') return refuse('forbidden');
    const { id, amount_usdc: amount, tx_hash: txHash } = read.body;
    const applied = await earnings.apply(agentId, {
      type: 'pay_out',
      id,
      amountMicro: micro(amount),
      ...(txHash !== undefined && { txHash }),
    });
    if (!applied.ok) return applied;
    const { state, events } = applied;
    const payout = state.payouts.get(id);
    if (!payout) throw new Error(`payout ${id}: taken and not recorded`);
    const body = { payout: payoutView(id, payout), balance: usdc(state.balanceMicro) };
    return jsonAnswer(events.length > 0 ? 201 : 200, body);
  };
}

/** `GET /api/users/{id}/balance` */
function readBalance({ users, accounts, store }: CreditRoutesOptions): Handle {
  return async (call) => {
    const refused = await readerRefusal(users, call);
    if (refused) return refused;
    const [account, nowMs] = await Promise.all([accounts.read(call.param('id')), store.nowMs()]);
    return jsonAnswer(200, balanceView(account ?? newCreditAccount(nowMs), nowMs));
  };
}

/** `GET /api/agents/{id}/earnings` */
function readEarnings({ agents, earnings }: CreditRoutesOptions): Handle {
  return async (call) => {
    const refused = await readerRefusal(agents, call);
    if (refused) return refused;
    return jsonAnswer(200, earningsView((await earnings.read(call.param('id'))) ?? newEarningsAccount(0)));
  };
}

interface Ledgers {
  ledger(id: string, after: number, limit: number): Promise<LedgerEntry[]>;
}

const aSeq = (text: string) =>
  /^(0|[1-9][0-9]{0,14})$/.test(text) ? undefined : 'must be the next_cursor of an earlier page';
const DEFAULT_LIMIT = 100;

/** `GET /api/users/{id}/ledger`, `GET /api/agents/{id}/ledger`. A cursor is the `seq` of the last entry before. */
function readLedgerOf(owners: Owners, ledgers: Ledgers): Handle {
  return async (call) => {
    const refused = await readerRefusal(owners, call);
    if (refused) return refused;
    const query = readParams(call.exchange, { cursor: aSeq, limit: anInteger(1, 500) });
    if (!query.ok) return query;
    const { cursor = '0', limit = DEFAULT_LIMIT } = query.params;
    const found = await ledgers.ledger(call.param('id'), Number(cursor), Number(limit) + 1);
    const page = found.slice(0, Number(limit));
    const last = found.length > page.length ? page.at(-1) : undefined;
    return jsonAnswer(200, { items: page.map(ledgerView), ...(last && { next_cursor: String(last.seq) }) });
  };
}

/** Refuses all but the admin, the account itself and the owner of an agent. */
async function readerRefusal(owners: Owners, { principal, param }: ApiCall): Promise<Refusal | undefined> {
  const [account] = await owners.readProfiles([param('id')]);
  if (!account) return refuse('not_found');
  return mayManage(principal, owners.kind, account) ? undefined : refuse('forbidden');
}

async function isThere(owners: Owners, id: string): Promise<boolean> {
  const [account] = await owners.readProfiles([id]);
  return account !== undefined;
}
