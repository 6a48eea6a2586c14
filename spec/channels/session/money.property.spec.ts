import fc from 'fast-check';
import { USER_CREDITS } from '../../../channels/credits/codec.ts';
import { CreditAccounts } from '../../../channels/credits/credit_accounts.ts';
import { EarningsAccounts } from '../../../channels/credits/earnings_accounts.ts';
import { PaymentsOfSessions } from '../../../channels/credits/payments_of_sessions.ts';
import { inFlightMicro } from '../../../channels/credits/state.ts';
import { Assignment } from '../../../channels/session/assignment.ts';
import { SESSION } from '../../../channels/session/codec.ts';
import type { LogEntry } from '../../../channels/session/entries.ts';
import { Feeds } from '../../../channels/session/feed.ts';
import { OpenSessions } from '../../../channels/session/open_sessions.ts';
import { Sessions } from '../../../channels/session/sessions.ts';
import { Hub, silentLog } from '../../../server/index.ts';
import { StoreUnavailable } from '../../../server/store/port.ts';
import { type Fate, MemoryStore } from '../credits/memory_store.ts';
import { NOW_MS } from '../kernel/scenario.ts';

/** `PROPERTY_RUNS=2000 npm run spec -- session/money.property` does 100,000 operations. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 100);

const USERS = ['user-1', 'user-2'];
const AGENTS = ['agent-1', 'agent-2'];
const SESSIONS = [0, 1, 2, 3, 4, 5];

interface Step {
  readonly kind: 'ask' | 'approve' | 'decline' | 'say' | 'cancel' | 'credit' | 'pay_out' | 'wake' | 'wait';
  /** Chooses among the things that there are. */
  readonly x: number;
  readonly node: 0 | 1;
  /** Begins before the former step has ended. */
  readonly isAtOnce: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('ask' as const, 'approve' as const) },
    { weight: 2, arbitrary: fc.constantFrom('decline' as const, 'say' as const, 'credit' as const, 'wake' as const) },
    { weight: 1, arbitrary: fc.constantFrom('cancel' as const, 'pay_out' as const, 'wait' as const) },
  ),
  x: fc.nat({ max: 120 }),
  node: fc.constantFrom(0 as const, 1 as const),
  isAtOnce: fc.boolean(),
});
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 8, arbitrary: fc.constant('made' as const) },
  { weight: 2, arbitrary: fc.constantFrom('lost' as const, 'made and not told' as const) },
);
const history = fc.record({
  steps: fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }),
  fates: fc.array(fate, { maxLength: 120, size: 'max' }),
});

/** As `expect`, but a hundred thousand times faster. */
function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

const pick = <T>(from: readonly T[], x: number) => from[x % from.length] as T;

function nodeOn({ store }: MemoryStore) {
  const users = new CreditAccounts(store);
  const earnings = new EarningsAccounts(store);
  const payments = new PaymentsOfSessions(users, earnings);
  const notifications = {
    announce: async (_: unknown, __: unknown, make: (refs: []) => Promise<{ result: unknown }>) =>
      (await make([])).result,
    acknowledge: async () => {},
  };
  const ofUsers = new OpenSessions('user', store, async (ids) => ids.map(() => true));
  const ofAgents = new OpenSessions('agent', store, async (ids) => ids.map(() => true));
  const none = async function* () {};
  const sessions = new Sessions({
    store,
    agents: { read: async (id: string) => ({ id, name: id, status: 'active' }) } as never,
    feeds: new Feeds(new Hub(), silentLog),
    assignment: new Assignment({ findOnline: none, notifications: notifications as never, ofAgents, log: silentLog }),
    notifications,
    ofUsers,
    ofAgents,
    credits: payments,
    onAssigned() {},
    log: silentLog,
  });
  return { users, earnings, payments, sessions };
}

/** A deployment of two nodes, whose commits may fail before or after they are made. */
class World {
  readonly memory = new MemoryStore(NOW_MS);
  readonly nodes = [nodeOn(this.memory), nodeOn(this.memory)] as const;
  #asked = 0;

  /** Makes the sessions: of two users with two agents, every other one with auto-pay. */
  async begin(): Promise<void> {
    for (const at of SESSIONS) {
      const autoPay = at % 2 === 0 ? { maxPerPaymentMicro: 8n, maxPerDayMicro: 30n } : null;
      const userId = pick(USERS, at);
      const fields = { userId, agentId: pick(AGENTS, at), capability: '', autoPay, tiedTo: null };
      const made = await this.nodes[0].sessions.make(`user:${userId}`, `s-${at}`, fields);
      holds(made.ok, 'sessions are made');
    }
  }

  /** Does a step; a node that dies in the middle of it leaves the rest to others. */
  async step({ kind, x, node }: Step): Promise<void> {
    const { sessions, users, earnings } = this.nodes[node];
    const id = `s-${pick(SESSIONS, x)}`;
    try {
      switch (kind) {
        case 'ask':
          return await this.#ask(id, x, node);
        case 'approve':
        case 'decline': {
          const pending = (await sessions.read(id))?.pending;
          const approved = kind === 'approve';
          const applied = await sessions.apply(id, { type: 'answer', requestId: pending?.id ?? 'none', approved });
          if (applied.ok && approved) await sessions.book(applied.state);
          return;
        }
        case 'say':
          await sessions.apply(id, { type: 'user_message', id: `m-${x}`, content: 'x' });
          return;
        case 'cancel':
          // Few, so that there is something left to do.
          if (x < 30) await sessions.apply(id, { type: 'close', by: 'user', reason: 'enough' });
          return;
        case 'credit': {
          const amountMicro = BigInt((x % 9) * 3 + 1);
          await users.apply(pick(USERS, x), { type: 'credit', id: `c-${x}`, amountMicro });
          return;
        }
        case 'pay_out':
          await earnings.apply(pick(AGENTS, x), { type: 'pay_out', id: `o-${x}`, amountMicro: BigInt((x % 8) + 1) });
          return;
        case 'wake':
          return await this.wake(node);
        case 'wait':
          this.memory.nowMs += pick([1, 1_000, 60_000, 6 * 60_000], x);
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  async #ask(id: string, x: number, node: 0 | 1): Promise<void> {
    const { sessions } = this.nodes[node];
    const number = ++this.#asked;
    const applied = await sessions.apply(id, {
      type: 'request_payment',
      id: `r-${x}`,
      requestId: `request-${number}`,
      paymentId: `payment-${number}`,
      amountMicro: BigInt(((x * 7) % 17) + 1),
      action: 'work',
      description: 'x',
    });
    if (applied.ok) await sessions.book(applied.state);
  }

  /** Does what is due, as any node does. */
  async wake(node: 0 | 1): Promise<void> {
    const { sessions, payments } = this.nodes[node];
    await Promise.all([
      ...this.memory.due(SESSION).map((id) => sessions.wake(id)),
      ...this.memory.due(USER_CREDITS).map((userId) => payments.finishAll(userId)),
    ]);
  }

  /** All nodes live again, and time goes on. */
  async end(): Promise<void> {
    this.memory.fateOf = () => 'made';
    for (let round = 0; round < 4; round++) {
      this.memory.nowMs += 6_000;
      await this.wake(round % 2 === 0 ? 0 : 1);
    }
  }

  async look() {
    const { sessions, users, earnings } = this.nodes[0];
    const found = await Promise.all(
      SESSIONS.map(async (at) => ({
        session: await sessions.read(`s-${at}`),
        log: await sessions.entries(`s-${at}`, 0, 1_000),
      })),
    );
    const accounts = await Promise.all(
      USERS.map(async (id) => ({ account: await users.read(id), ledger: await users.ledger(id, 0, 1_000) })),
    );
    const earned = await Promise.all(
      AGENTS.map(async (id) => ({ account: await earnings.read(id), ledger: await earnings.ledger(id, 0, 1_000) })),
    );
    return { found, accounts, earned };
  }
}

type Seen = Awaited<ReturnType<World['look']>>;

/** Holds of the log of a session: no gaps, each request asked once and ended once, nothing behind the end. */
function holdsInLog(log: readonly LogEntry[]): void {
  let open: { id: string; isApproved: boolean } | undefined;
  for (const [at, entry] of log.entries()) {
    holds(entry.seq === at + 1, 'the log has no gap');
    holds(log[at - 1]?.type !== 'session_closed', 'nothing is stored behind the end');
    switch (entry.type) {
      case 'payment_request':
        holds(open === undefined, 'one request at a time');
        open = { id: entry.request_id, isApproved: false };
        break;
      case 'payment_response':
        holds(open?.id === entry.request_id && !open.isApproved, 'a request is answered once');
        open = entry.approved ? { id: entry.request_id, isApproved: true } : undefined;
        break;
      case 'payment_settled':
      case 'payment_failed':
        holds(open?.id === entry.request_id && open.isApproved, 'what is booked or fails was approved');
        open = undefined;
        break;
      case 'session_closed':
        holds(open === undefined, 'no request outlives its session');
        break;
    }
  }
}

const total = (amounts: readonly bigint[]) => amounts.reduce((sum, amount) => sum + amount, 0n);

/** Holds at every moment. */
function holdsNow({ found, accounts, earned }: Seen): void {
  for (const { log } of found) holdsInLog(log);
  const debited = new Set(accounts.flatMap(({ ledger }) => ledger.flatMap(({ paymentId }) => paymentId ?? [])));
  const credited = new Set(earned.flatMap(({ ledger }) => ledger.flatMap(({ paymentId }) => paymentId ?? [])));
  for (const { log } of found) {
    for (const entry of log) {
      if (entry.type !== 'payment_settled') continue;
      holds(debited.has(entry.payment_id) && credited.has(entry.payment_id), 'what is settled is booked on both sides');
    }
  }
  for (const id of credited) holds(debited.has(id), 'nobody earns what nobody paid');
  const creditedMicro = total(accounts.map(({ account }) => account?.creditedMicro ?? 0n));
  const balancesMicro = total(accounts.map(({ account }) => account?.balanceMicro ?? 0n));
  const inFlight = total(accounts.map(({ account }) => (account ? inFlightMicro(account) : 0n)));
  const earnedMicro = total(earned.map(({ account }) => account?.earnedMicro ?? 0n));
  const booked = creditedMicro - balancesMicro;
  holds(earnedMicro <= booked && booked - earnedMicro <= inFlight, 'the sums differ by no more than what is under way');
}

/** Holds when nothing is under way any more. */
function holdsAtTheEnd({ found, accounts, earned }: Seen): void {
  for (const { session, log } of found) {
    holds(session?.pending?.stage !== 'approved' && session?.pending?.stage !== 'auto', 'no booking is left');
    holds(!session?.closeAfter, 'no end waits any more');
    for (const { type, ...entry } of log) {
      if (type !== 'payment_response' || !('approved' in entry) || !entry.approved) continue;
      const end = log.find(
        (later) => later.seq > entry.seq && 'request_id' in later && later.request_id === entry.request_id,
      );
      holds(end?.type === 'payment_settled' || end?.type === 'payment_failed', 'every approval has its outcome');
    }
  }
  const settled = found.flatMap(({ log }) =>
    log.flatMap((entry) => (entry.type === 'payment_settled' ? [entry.payment_id] : [])),
  );
  const debited = accounts.flatMap(({ ledger }) => ledger.flatMap(({ paymentId }) => paymentId ?? []));
  const credited = earned.flatMap(({ ledger }) => ledger.flatMap(({ paymentId }) => paymentId ?? []));
  const sorted = (ids: readonly string[]) => [...ids].sort().join();
  holds(sorted(settled) === sorted(debited) && sorted(debited) === sorted(credited), 'logs and ledgers say the same');
  holds(
    accounts.every(({ account }) => !account || account.inFlight.length === 0),
    'nothing is in flight',
  );
}

describe('the money of sessions', () => {
  it('is booked as the logs say, whatever is done at once and whichever node dies', async () => {
    const seen = { settled: 0, failed: 0, byAutoPay: 0, declined: 0, closed: 0, deaths: 0 };
    await fc.assert(
      fc.asyncProperty(history, async ({ steps, fates }) => {
        const world = new World();
        await world.begin();
        const left = [...fates];
        world.memory.fateOf = () => {
          const next = left.shift() ?? 'made';
          if (next !== 'made') seen.deaths++;
          return next;
        };
        let under: Promise<void>[] = [];
        for (const each of steps) {
          if (!each.isAtOnce) await Promise.all(under.splice(0));
          under.push(world.step(each));
          if (!each.isAtOnce) {
            await Promise.all(under);
            under = [];
            holdsNow(await world.look());
          }
        }
        await Promise.all(under);
        await world.end();
        const end = await world.look();
        holdsNow(end);
        holdsAtTheEnd(end);
        for (const entry of end.found.flatMap(({ log }) => log)) {
          if (entry.type === 'payment_settled') seen.settled++;
          if (entry.type === 'payment_failed') seen.failed++;
          if (entry.type === 'session_closed') seen.closed++;
          if (entry.type === 'payment_response' && entry.by === 'auto_pay') seen.byAutoPay++;
          if (entry.type === 'payment_response' && !entry.approved) seen.declined++;
        }
        const ids = end.earned.flatMap(({ ledger }) => ledger.flatMap(({ paymentId }) => paymentId ?? []));
        holds(new Set(ids).size === ids.length, 'a payment is credited once');
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
    // What was looked at did happen.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(RUNS / 4);
  }, 3_600_000);
});
