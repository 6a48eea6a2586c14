import fc from 'fast-check';
import { AGENT_EARNINGS, USER_CREDITS } from '../../../channels/credits/codec.ts';
import { CreditAccounts } from '../../../channels/credits/credit_accounts.ts';
import { EarningsAccounts } from '../../../channels/credits/earnings_accounts.ts';
import {
  type PaymentOutcome,
  PaymentsOfSessions,
  type SessionPayment,
} from '../../../channels/credits/payments_of_sessions.ts';
import { inFlightMicro, type LedgerEntry } from '../../../channels/credits/state.ts';
import { SumsOfAccounts } from '../../../channels/credits/sums.ts';
import { silentLog } from '../../../server/index.ts';
import { StoreUnavailable } from '../../../server/store/port.ts';
import { NOW_MS } from '../kernel/scenario.ts';
import { type Fate, MemoryStore } from './memory_store.ts';

/** `PROPERTY_RUNS=100000 npm run spec -- money.property` looks further. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 300);

const USERS = ['user-1', 'user-2', 'user-3'];
const AGENTS = ['agent-1', 'agent-2'];
const DAY_MS = 86_400_000;

interface Step {
  readonly kind: 'credit' | 'pay' | 'auto_pay' | 'pay_out' | 'finish' | 'wait';
  /** Small numbers choose among the things that there are; the same ones come to the same thing again. */
  readonly x: number;
  readonly node: 0 | 1;
  /** Begins before the former step has ended. */
  readonly isAtOnce: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant('credit' as const) },
    { weight: 8, arbitrary: fc.constantFrom('pay' as const, 'auto_pay' as const) },
    { weight: 2, arbitrary: fc.constantFrom('pay_out' as const, 'finish' as const, 'wait' as const) },
  ),
  x: fc.nat({ max: 60 }),
  node: fc.constantFrom(0 as const, 1 as const),
  isAtOnce: fc.boolean(),
});
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('made' as const) },
  { weight: 2, arbitrary: fc.constantFrom('lost' as const, 'made and not told' as const) },
);
const history = fc.record({
  steps: fc.array(step, { minLength: 5, maxLength: 50, size: 'max' }),
  fates: fc.array(fate, { maxLength: 60, size: 'max' }),
});

/** As `expect`, but a hundred thousand times faster. */
function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

const pick = <T>(from: readonly T[], x: number) => from[x % from.length] as T;

function nodeOn({ store }: MemoryStore) {
  const users = new CreditAccounts(store);
  const agents = new EarningsAccounts(store);
  return { users, agents, payments: new PaymentsOfSessions(users, agents) };
}

/** Deployment of two nodes on a store, and what their clients have been told. */
class MoneyWorld {
  readonly memory = new MemoryStore(NOW_MS);
  readonly #nodes = [nodeOn(this.memory), nodeOn(this.memory)] as const;
  /** By payment and approver. */
  readonly told = new Map<string, PaymentOutcome>();
  readonly tried = new Map<string, SessionPayment>();

  payment({ kind, x }: Step): SessionPayment {
    // A payment is the same whoever approves it.
    const payment = {
      id: `payment-${x}`,
      userId: pick(USERS, x),
      agentId: pick(AGENTS, x),
      sessionId: `session-${x % 7}`,
      amountMicro: BigInt(((x * 7) % 23) + 1),
    };
    const caps = { maxPerPaymentMicro: x % 5 === 0 ? null : 15n, maxPerDayMicro: x % 7 === 1 ? null : 30n };
    return { ...payment, ...(kind === 'auto_pay' && { autoPay: caps }) };
  }

  /** Does a step; a node that dies in the middle of it leaves the rest to others. */
  async step(step: Step): Promise<void> {
    const { kind, x, node } = step;
    const { users, agents, payments } = this.#nodes[node];
    try {
      switch (kind) {
        case 'credit':
          await users.apply(pick(USERS, x), {
            type: 'credit',
            id: `credit-${x}`,
            amountMicro: BigInt((x % 9) * 5 + 1),
          });
          return;
        case 'pay':
        case 'auto_pay':
          await this.pay(payments, this.payment(step));
          return;
        case 'pay_out':
          await agents.apply(pick(AGENTS, x), { type: 'pay_out', id: `payout-${x}`, amountMicro: BigInt((x % 8) + 1) });
          return;
        case 'finish':
          for (const userId of this.memory.due(USER_CREDITS)) await payments.finishAll(userId);
          return;
        case 'wait':
          this.memory.nowMs += pick([1, 1_000, 60_000, DAY_MS / 3], x);
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  async pay(payments: PaymentsOfSessions, payment: SessionPayment): Promise<PaymentOutcome> {
    const name = `${payment.id} ${payment.autoPay ? 'auto_pay' : 'user'}`;
    this.tried.set(name, payment);
    const outcome = await payments.pay(payment);
    holds((this.told.get(name) ?? outcome) === outcome, `${name} comes to the same outcome every time`);
    this.told.set(name, outcome);
    if (outcome === 'booked') {
      const earnings = await this.memory.store.read({ kind: AGENT_EARNINGS, id: payment.agentId });
      holds(
        `payment:${payment.id}` in earnings.fields,
        `${payment.id} has reached its agent when it is said to be booked`,
      );
    }
    return outcome;
  }

  /** All nodes live again, and time goes on. */
  async end(): Promise<void> {
    this.memory.fateOf = () => 'made';
    this.memory.nowMs += 2_000;
    await this.step({ kind: 'finish', x: 0, node: 0, isAtOnce: false });
    const { ofUsers } = await this.look();
    holds(
      ofUsers.every(({ account }) => !account?.inFlight.length),
      'nothing is left in flight',
    );
    holds(this.memory.due(USER_CREDITS).length === 0, 'nothing is left to be woken for');
    for (const [at, payment] of [...this.tried.values()].entries()) {
      const { payments } = this.#nodes[at % 2 === 0 ? 0 : 1];
      await this.pay(payments, payment);
    }
  }

  async isByAutoPay(userId: string, { paymentId }: LedgerEntry): Promise<boolean> {
    const field = `payment:${paymentId}`;
    const { fields } = await this.memory.store.read({ kind: USER_CREDITS, id: userId }, [field]);
    return JSON.parse(fields[field] ?? '{}').bookedBy === 'auto_pay';
  }

  async look() {
    const { users, agents } = this.#nodes[0];
    const ofUsers = await Promise.all(
      USERS.map(async (id) => ({ id, account: await users.read(id), ledger: await users.ledger(id, 0, 1_000) })),
    );
    const ofAgents = await Promise.all(
      AGENTS.map(async (id) => ({ id, account: await agents.read(id), ledger: await agents.ledger(id, 0, 1_000) })),
    );
    const sums = await new SumsOfAccounts({ store: this.memory.store, users, agents, log: silentLog }).read();
    return { ofUsers, ofAgents, sums };
  }
}

type Seen = Awaited<ReturnType<MoneyWorld['look']>>;

const idsOf = (ledger: readonly LedgerEntry[]) => ledger.flatMap(({ paymentId }) => paymentId ?? []);
const isOnce = (ids: readonly string[]) => new Set(ids).size === ids.length;
const sumOf = (ledger: readonly LedgerEntry[], kind: LedgerEntry['kind']) =>
  ledger.reduce((sum, entry) => (entry.kind === kind ? sum + entry.amountMicro : sum), 0n);

/** Entries follow each other without a gap, and each leaves the balance that it says. */
function holdsInLedger(ledger: readonly LedgerEntry[], comes: LedgerEntry['kind'], balanceMicro: bigint): void {
  let balance = 0n;
  for (const [at, { seq, kind, amountMicro, balanceMicro: left }] of ledger.entries()) {
    balance += kind === comes ? amountMicro : -amountMicro;
    holds(seq === at + 1 && left === balance && balance >= 0n && amountMicro > 0n, `entry ${seq} adds up`);
  }
  holds(balance === balanceMicro, 'the balance is that of the ledger');
}

async function holdsNow(world: MoneyWorld): Promise<Seen> {
  const seen = await world.look();
  const { ofUsers, ofAgents, sums } = seen;
  const earnedIds = new Set(ofAgents.flatMap(({ ledger }) => idsOf(ledger)));
  let bothMicro = 0n;
  for (const { account, ledger } of ofUsers) {
    holdsInLedger(ledger, 'credit', account?.balanceMicro ?? 0n);
    if (!account) continue;
    holds(account.creditedMicro === sumOf(ledger, 'credit'), 'credits are those of the ledger');
    holds(account.paidMicro + inFlightMicro(account) === sumOf(ledger, 'payment'), 'what was debited flies or is paid');
    for (const { id, amountMicro } of account.inFlight) if (earnedIds.has(id)) bothMicro += amountMicro;
  }
  for (const { account, ledger } of ofAgents) holdsInLedger(ledger, 'payment', account?.balanceMicro ?? 0n);
  holds(isOnce(ofUsers.flatMap(({ ledger }) => idsOf(ledger))), 'a payment is debited once');
  holds(isOnce(ofAgents.flatMap(({ ledger }) => idsOf(ledger))), 'a payment is credited once');
  if (!sums) throw new Error('no sums');
  const { creditsMicro, balancesMicro, inFlightMicro: flyingMicro, unpaidMicro, payoutsMicro } = sums;
  const difference = creditsMicro - balancesMicro - flyingMicro - unpaidMicro - payoutsMicro;
  // What has reached its agent flies until that is noted.
  holds(difference === -bothMicro, 'nothing comes or goes');
  return seen;
}

/** By the ledgers, to the millisecond: no cap was exceeded when auto-pay paid. Returns how many payments it made. */
async function holdsCaps(world: MoneyWorld, seen: Seen): Promise<number> {
  let count = 0;
  for (const { id: userId, ledger } of seen.ofUsers) {
    const byAutoPay: LedgerEntry[] = [];
    for (const entry of ledger) if (await world.isByAutoPay(userId, entry)) byAutoPay.push(entry);
    count += byAutoPay.length;
    for (const { paymentId, seq, amountMicro, atMs } of byAutoPay) {
      const caps = world.tried.get(`${paymentId} auto_pay`)?.autoPay;
      if (!caps) throw new Error(`${paymentId} was not auto-pay's`);
      const upToIt = byAutoPay.filter((other) => other.seq <= seq && atMs - other.atMs < DAY_MS);
      const spent = upToIt.reduce((sum, other) => sum + other.amountMicro, 0n);
      holds(amountMicro <= (caps.maxPerPaymentMicro ?? amountMicro), 'no payment is above its cap');
      holds(spent <= (caps.maxPerDayMicro ?? spent), 'no day is above its cap');
    }
  }
  return count;
}

describe('whatever node dies between any two commits', () => {
  it('no money comes or goes, every payment is booked once or never, and no cap is exceeded', async () => {
    const seenOutcomes = { booked: 0, insufficient_credits: 0, over_cap: 0 };
    let [byAutoPay, deaths] = [0, 0];
    await fc.assert(
      fc.asyncProperty(history, async ({ steps, fates }) => {
        const world = new MoneyWorld();
        const left = [...fates];
        world.memory.fateOf = () => {
          const next = left.shift() ?? 'made';
          if (next !== 'made') deaths++;
          return next;
        };
        for (let at = 0; at < steps.length; ) {
          const together = [steps[at++] as Step];
          while (steps[at]?.isAtOnce && together.length < 4) together.push(steps[at++] as Step);
          await Promise.all(together.map((one) => world.step(one)));
          await holdsNow(world);
        }
        await world.end();
        const seen = await holdsNow(world);
        byAutoPay += await holdsCaps(world, seen);
        const debited = new Set(seen.ofUsers.flatMap(({ ledger }) => idsOf(ledger)));
        const earned = new Set(seen.ofAgents.flatMap(({ ledger }) => idsOf(ledger)));
        for (const [name, outcome] of world.told) {
          const [id = ''] = name.split(' ');
          seenOutcomes[outcome]++;
          if (outcome === 'booked') holds(debited.has(id) && earned.has(id), `${id} is booked on both sides`);
        }
        const booked = [...world.told].flatMap(([name, outcome]) => (outcome === 'booked' ? [name.split(' ')[0]] : []));
        holds(debited.size === new Set(booked).size && earned.size === debited.size, 'nothing else was booked');
        const facts = world.memory.facts.map((fact) => JSON.parse(fact).payment as string);
        holds(isOnce(facts) && facts.length === earned.size, 'each booked payment is a fact once');
        holds(
          seen.ofUsers.every(({ account }) => !account || account.inFlight.length === 0),
          'nothing flies at the end',
        );
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
    // What was looked at did happen.
    for (const count of Object.values(seenOutcomes)) expect(count).toBeGreaterThan(RUNS / 2);
    expect(byAutoPay).toBeGreaterThan(RUNS / 2);
    expect(deaths).toBeGreaterThan(RUNS);
  }, 3_600_000);
});
