import type { Change, Snapshot } from '../../server/store/index.ts';
import type { AggregateType, Decision } from '../kernel/aggregate.ts';
import { placeKey } from '../kernel/lists/order.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import type { CreditCommand, CreditEvent, EarningsCommand, EarningsEvent } from './commands.ts';
import { assertCreditsConserved, assertEarningsConserved } from './conservation.ts';
import { decideCredits, decideEarnings } from './decide.ts';
import { earningsFacts } from './facts.ts';
import type { CreditAccount, EarningsAccount } from './state.ts';

export const USER_CREDITS = 'user_credits';
export const AGENT_EARNINGS = 'agent_earnings';

/** The indexes of all accounts, by creation. */
export const USER_CREDITS_INDEX = 'user_credits:created';
export const AGENT_EARNINGS_INDEX = 'agent_earnings:created';

/** The fields of an account without its single payments, credits and payouts, each of which has a field of its own. */
export const BALANCES: readonly string[] = ['account'];
/** The same, and what auto-pay has spent. */
export const BALANCES_AND_SPENT: readonly string[] = ['account', 'spent'];

/**
 * Time after a debit when any node takes it upon itself to finish the payment. The node that made the debit needs
 * milliseconds, unless it died.
 */
const FINISH_AFTER_MS = 1_000;

type Fields = NonNullable<Change['fields']>;

export const creditsType: AggregateType<CreditAccount, CreditCommand, CreditEvent> = {
  kind: USER_CREDITS,
  reads(command) {
    switch (command.type) {
      case 'credit':
        return [...BALANCES, `credit:${command.id}`];
      case 'debit':
        return [...BALANCES_AND_SPENT, `payment:${command.id}`];
      case 'settle':
        return [...BALANCES, `payment:${command.id}`];
    }
  },
  parse: (fields) => ({
    ...parseMicroJson<Omit<CreditAccount, 'autoSpent' | 'credits' | 'payments'>>(fields.account ?? '{}'),
    autoSpent: parseMicroJson(fields.spent ?? '[]'),
    credits: parseEach(fields, 'credit:'),
    payments: parseEach(fields, 'payment:'),
  }),
  listedIn: USER_CREDITS_INDEX,
  places: ({ insertedAtMs }) => [{ index: USER_CREDITS_INDEX, key: placeKey(insertedAtMs) }],
  change(after, before) {
    const { autoSpent, credits, payments, ...account } = after;
    return {
      fields: {
        account: microJson(account),
        ...(autoSpent !== before?.autoSpent && { spent: microJson(autoSpent) }),
        ...changedOnes('credit:', credits, before?.credits),
        ...changedOnes('payment:', payments, before?.payments),
      },
      deadlineMs: deadlineMs(after),
    };
  },
  decide: (before, command, nowMs) => checked(decideCredits(before, command, nowMs), assertCreditsConserved),
};

export const earningsType: AggregateType<EarningsAccount, EarningsCommand, EarningsEvent> = {
  kind: AGENT_EARNINGS,
  reads: ({ type, id }) => [...BALANCES, `${type === 'earn' ? 'payment' : 'payout'}:${id}`],
  parse: (fields) => ({
    ...parseMicroJson<Omit<EarningsAccount, 'payments' | 'payouts'>>(fields.account ?? '{}'),
    payments: parseEach(fields, 'payment:'),
    payouts: parseEach(fields, 'payout:'),
  }),
  listedIn: AGENT_EARNINGS_INDEX,
  places: ({ insertedAtMs }) => [{ index: AGENT_EARNINGS_INDEX, key: placeKey(insertedAtMs) }],
  change(after, before) {
    const { payments, payouts, ...account } = after;
    return {
      fields: {
        account: microJson(account),
        ...changedOnes('payment:', payments, before?.payments),
        ...changedOnes('payout:', payouts, before?.payouts),
      },
    };
  },
  decide: (before, command, nowMs) => checked(decideEarnings(before, command, nowMs), assertEarningsConserved),
  facts: earningsFacts,
};

/** Time at which somebody has to finish what is in flight. */
function deadlineMs({ inFlight }: CreditAccount): number | null {
  if (inFlight.length === 0) return null;
  return Math.min(...inFlight.map(({ debitedAtMs }) => debitedAtMs)) + FINISH_AFTER_MS;
}

/** The one way to a commit: what breaks the sums is not decided but thrown. */
function checked<S, E>(decision: Decision<S, E>, assertConserved: (state: S) => void): Decision<S, E> {
  if (decision.ok) assertConserved(decision.state);
  return decision;
}

function parseEach<V>(fields: Snapshot['fields'], prefix: string): Map<string, V> {
  const found = Object.keys(fields).filter((name) => name.startsWith(prefix));
  return new Map(found.map((name) => [name.slice(prefix.length), parseMicroJson<V>(fields[name] ?? '')]));
}

function changedOnes<V extends object>(
  prefix: string,
  after: ReadonlyMap<string, V>,
  before: ReadonlyMap<string, V> | undefined,
): Fields {
  const changed = [...after].filter(([id, value]) => before?.get(id) !== value);
  return Object.fromEntries(changed.map(([id, value]) => [prefix + id, microJson(value)]));
}
