import fc from 'fast-check';
import { type Command, decide, MAX_ROUNDS } from '../../../channels/negotiation/decide.ts';
import {
  acceptanceOf,
  acceptLines,
  limitMicro,
  type Negotiation,
  offerLines,
  offersBy,
  type Role,
} from '../../../channels/negotiation/state.ts';
import { NOW_MS } from '../kernel/scenario.ts';
import { negotiation, terms } from './fixtures.ts';

/** `PROPERTY_RUNS=100000 npm run spec -- properties` looks further. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 400);
const LASTS_MS = 1_000;

interface Step {
  readonly kind: 'offer' | 'accept' | 'repeat' | 'forge' | 'stale' | 'reject' | 'wait';
  readonly by: Role;
  readonly x: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('offer' as const) },
    { weight: 5, arbitrary: fc.constantFrom('accept' as const, 'repeat' as const) },
    { weight: 3, arbitrary: fc.constantFrom('forge' as const, 'stale' as const) },
    { weight: 1, arbitrary: fc.constantFrom('reject' as const, 'wait' as const) },
  ),
  by: fc.constantFrom('client' as const, 'provider' as const),
  x: fc.nat({ max: 1_000 }),
});

/** As `expect`, but a hundred thousand times faster. */
function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

/** Two sides that sign what they mean, and somebody who signs for them. */
class Table {
  state: Negotiation = negotiation({ expiresAtMs: NOW_MS + LASTS_MS });
  nowMs = NOW_MS;
  /** Texts that each side has really signed. */
  readonly signed = new Set<string>();
  /** All that was taken, in order. */
  readonly taken: Command[] = [];
  #earlier: Negotiation = this.state;

  step({ kind, by, x }: Step): void {
    const before = this.state;
    if (kind === 'wait') {
      this.nowMs += x;
      return;
    }
    const command = this.#command(kind, by, x);
    if (!command) return;
    const decision = decide(before, command, this.nowMs);
    if (!decision.ok) return;
    const { state, events } = decision;
    if (kind === 'repeat') {
      holds(state === before && events.length === 0, 'a repeat changes nothing');
      return;
    }
    if (state === before) return;
    this.#earlier = before;
    this.state = state;
    this.taken.push(command);
    holds(this.nowMs < before.expiresAtMs, 'nothing is taken after the end of time');
    holds(kind !== 'forge', 'nothing is taken that its side has not signed');
  }

  #command(kind: Exclude<Step['kind'], 'wait'>, by: Role, x: number): Command | undefined {
    if (kind === 'repeat') return this.taken[x % Math.max(1, this.taken.length)];
    if (kind === 'reject') return { type: 'reject', by, reason: `${x}` };
    if (kind === 'accept') return this.#acceptance(by, this.state, x);
    // Signed for how it was before the last change.
    if (kind === 'stale') return this.#acceptance(by, this.#earlier, x);
    const amountMicro = (limitMicro(terms) * BigInt(x)) / 900n;
    const lines = offerLines(terms, by, amountMicro);
    const isGood = kind === 'offer';
    if (isGood) this.signed.add(`${by} signs ${lines}`);
    return { type: 'offer', by, amountMicro, signature: `${kind} ${by} ${x}`, verdict: { lines, isGood } };
  }

  #acceptance(by: Role, seen: Negotiation, x: number): Command {
    const [client, provider] = [offersBy(seen, 'client').at(-1), offersBy(seen, 'provider').at(-1)];
    const averageMicro = ((client?.amountMicro ?? 0n) + (provider?.amountMicro ?? 0n)) / 2n;
    // Now and then a little beside it.
    const amountMicro = averageMicro + BigInt(x % 4 === 0 ? 1 : 0);
    const lines = acceptLines(seen, by, amountMicro);
    if (lines !== undefined) this.signed.add(`${by} signs ${lines}`);
    const verdict = lines === undefined ? undefined : { lines, isGood: true };
    return { type: 'accept', by, amountMicro, signature: `${by} accepts ${lines}`, verdict };
  }
}

function expectHolds({ state, signed }: Table, before: Negotiation): void {
  if (state === before) return;
  holds(before.status === 'open', 'what has ended stays as it is');
  holds(
    before.history.every((entry, at) => state.history[at] === entry),
    'history only grows',
  );
  holds(state.history.length === before.history.length + 1, 'by one entry at a time');
  for (const role of ['client', 'provider'] as const) {
    const offers = offersBy(state, role);
    holds(offers.length <= MAX_ROUNDS, 'no side makes more offers than it may');
    for (const { amountMicro } of offers) {
      holds(amountMicro <= limitMicro(state), 'no offer is above the limit');
      holds(signed.has(`${role} signs ${offerLines(state, role, amountMicro)}`), 'each side has signed its offers');
    }
  }
}

/** Expects that both sides have signed the agreement, and that the side that accepted did not set the average. */
function expectAgreed({ state, signed }: Table): void {
  const acceptance = acceptanceOf(state);
  const { history } = state;
  expect(history.at(-1)).toBe(acceptance);
  const offerOf = (role: Role) => history.findLast((entry) => entry.event === 'offer' && entry.by === role);
  const [client, provider] = [offerOf('client'), offerOf('provider')];
  if (!acceptance || client?.event !== 'offer' || provider?.event !== 'offer') throw new Error('not both have offered');
  const twiceMicro = client.amountMicro + provider.amountMicro;
  expect(acceptance.amountMicro * 2n).toBe(twiceMicro - (twiceMicro % 2n));
  expect(history.at(-2)?.by).not.toBe(acceptance.by);
  expect(signed).toContain(`${acceptance.by} signs ${acceptLines(state, acceptance.by, acceptance.amountMicro)}`);
}

describe('whatever both sides and a forger do', () => {
  it('only what both have signed is agreed, at the average of their last offers, and an end is an end', () => {
    const ends = { open: 0, agreed: 0, rejected: 0, expired: 0 };
    let offers = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (sequence) => {
        const table = new Table();
        for (const one of sequence) {
          const before = table.state;
          table.step(one);
          expectHolds(table, before);
        }
        if (table.state.status === 'agreed') expectAgreed(table);
        const expired = decide(table.state, { type: 'expire' }, NOW_MS + LASTS_MS);
        if (!expired.ok) throw new Error('it can always expire');
        holds(expired.state.status !== 'open', 'a negotiation ends in time');
        ends[expired.state.status]++;
        offers += offersBy(table.state, 'client').length + offersBy(table.state, 'provider').length;
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
    // What was looked at did happen.
    expect(ends.agreed).toBeGreaterThan(RUNS / 10);
    expect(ends.rejected).toBeGreaterThan(RUNS / 50);
    expect(ends.expired).toBeGreaterThan(RUNS / 100);
    expect(offers).toBeGreaterThan(RUNS * 2);
  }, 3_600_000);
});
