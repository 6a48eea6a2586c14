import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { paymentType } from '../../../channels/payment/payments.ts';
import { closeLines, type PaymentChannel, stateLines, sumMicro } from '../../../channels/payment/state.ts';
import { type Step, World } from './world.ts';

/** `PROPERTY_RUNS=100000 npm run spec -- properties` looks further. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 400);

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 14, arbitrary: fc.constant('propose' as const) },
    { weight: 14, arbitrary: fc.constant('acknowledge' as const) },
    { weight: 5, arbitrary: fc.constant('repeat' as const) },
    { weight: 4, arbitrary: fc.constantFrom('reject' as const, 'cosign' as const, 'forge' as const, 'wait' as const) },
    { weight: 3, arbitrary: fc.constant('propose_close' as const) },
    { weight: 1, arbitrary: fc.constantFrom('dispute' as const, 'close' as const) },
  ),
  by: fc.constantFrom('a' as const, 'b' as const),
  isThief: fc.nat({ max: 3 }).map((n) => n === 0),
  staleBy: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) }),
  x: fc.nat({ max: 50 }),
  y: fc.nat({ max: 20 }),
});
const steps = fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });

const rejectedNonces = ({ history }: World) =>
  [...history.values()].flatMap((past) => ('burned' in past && past.cause === 'rejected' ? [past.nonce] : []));

/** As `expect`, but a hundred thousand times faster. */
function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

function expectHolds(world: World, before: PaymentChannel): void {
  const { state, executed } = world;
  if (state === before) return;
  holds(sumMicro(state.balances) === sumMicro(state.deposits), 'the sum of the balances is that of the deposits');
  holds(state.balances.aMicro >= 0n && state.balances.bMicro >= 0n, 'no balance is negative');
  holds(state.nonce >= before.nonce && state.nextNonce >= before.nextNonce, 'nonces only rise');
  holds(before.closing === null, 'a closed channel stays as it is');
  const { proposedClose: standing } = state;
  holds(!standing || standing.nonce === (state.lastState?.nonce ?? 0), 'a proposed close is of the newest state');
  holds(!standing || state.closing === null, 'no proposed close outlives the channel');
  for (const nonce of rejectedNonces(world)) {
    holds(!executed.has(nonce) && state.lastState?.nonce !== nonce, 'no rejected transfer pays');
  }
  // History holds every nonce but the pending one, none missing.
  for (let nonce = 1; nonce < state.nextNonce; nonce++) {
    holds(world.history.has(nonce) !== (state.pending?.nonce === nonce), `nonce ${nonce} is in history`);
  }
}

/** What is kept in memory is what would be read from the store. */
class Kept {
  #fields: Record<string, string> = {};

  see(state: PaymentChannel, before: PaymentChannel | undefined): void {
    Object.assign(this.#fields, paymentType.change(state, before).fields);
    if (!paymentType.remembers?.(state)) return;
    holds(isDeepStrictEqual(paymentType.parse(this.#fields), state), 'what was written reads as it was');
  }
}

/** Nobody is left with other than what its own key has signed. */
function expectSigned({ state, signatures }: World): void {
  const { closing, balances, deposits, lastState } = state;
  const isUntouched = balances.aMicro === deposits.aMicro && !lastState && closing?.reason !== 'cooperative';
  if (isUntouched) return;
  const lines =
    closing?.reason === 'cooperative' ? closeLines(state, closing.balances) : lastState && stateLines(state, lastState);
  expect(signatures.has(`a signs ${lines}`) && signatures.has(`b signs ${lines}`)).toBe(true);
}

describe('whatever both agents, a thief of an API key and a forger do', () => {
  it('no money comes or goes, no nonce pays twice or after a rejection, and the newest state wins', () => {
    let [transfers, disputes, closes, agreements] = [0, 0, 0, 0];
    fc.assert(
      fc.property(steps, (sequence) => {
        const world = new World();
        const kept = new Kept();
        kept.see(world.state, undefined);
        for (const one of sequence) {
          const before = world.state;
          world.step(one);
          expectHolds(world, before);
          if (world.state !== before) kept.see(world.state, before);
        }
        world.end();
        expectSigned(world);
        transfers += world.executed.size;
        const { closing } = world.state;
        if (closing?.reason === 'cooperative') closes++;
        if (world.wasAgreed) agreements++;
        if (closing?.reason !== 'dispute') return;
        disputes++;
        const newest = Math.max(0, ...world.brought.keys());
        expect(closing.nonce).toBe(newest);
        expect(closing.balances).toEqual(world.brought.get(newest)?.balances ?? world.state.deposits);
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
    // What was looked at did happen.
    expect(transfers).toBeGreaterThan(RUNS / 2);
    expect(disputes).toBeGreaterThan(RUNS / 50);
    expect(closes).toBeGreaterThan(RUNS / 50);
    expect(agreements).toBeGreaterThan(RUNS / 50);
  }, 3_600_000);
});
