import { jest } from '@jest/globals';
import type { Applied } from '../../../channels/kernel/aggregate.ts';
import { answerChange, type Moved, moved, signedChange, unmoved } from '../../../channels/kernel/signed_change.ts';
import type { Answer } from '../../../server/answer.ts';
import { reply } from '../../../server/index.ts';
import { StoreUnavailable } from '../../../server/store/port.ts';

interface State {
  readonly version: number;
}
type Result = Applied<State, string> | Moved;

describe('a change by a signature', () => {
  let told: string[];
  let seen: number[];

  beforeEach(() => {
    told = [];
    seen = [];
  });

  const telling = {
    tell: (event: string, { version }: State) => void told.push(`${event} ${version}`),
    answer: (state: State) => ({ state }),
  };

  function change(stored: (State | undefined)[], results: Result[]) {
    return signedChange({
      what: 'thing t-1',
      read: async () => stored.shift(),
      async apply(state: State) {
        seen.push(state.version);
        return results.shift() as Result;
      },
      ...telling,
    });
  }
  const done = (version: number, ...events: string[]): Result => ({ ok: true, state: { version }, events });

  it('tells the others what has happened, and answers with what has become of it', async () => {
    expect(await change([{ version: 1 }], [done(2, 'made', 'closed')])).toEqual(reply({ state: { version: 2 } }));
    expect(told).toEqual(['made 2', 'closed 2']);
  });

  it('tells nobody of a repeat, and says that it is one', async () => {
    const answer = await change([{ version: 2 }], [done(2)]);
    expect(answer).toEqual(reply({ state: { version: 2 }, duplicate: true }));
    expect(told).toEqual([]);
    const repeated = { ok: true, state: { version: 2 }, events: [] } as const;
    expect(answerChange(repeated, { ...telling, answerRepeat: () => ({ superseded: true }) })).toEqual(
      reply({ state: { version: 2 }, duplicate: true, superseded: true }),
    );
  });

  it('is prepared anew on what is stored by then, where that has moved', async () => {
    await change([{ version: 1 }, { version: 2 }], [moved, done(3, 'made')]);
    expect(seen).toEqual([1, 2]);
    expect(told).toEqual(['made 3']);
  });

  it('answers with the refusal, and for a thing that is not there', async () => {
    const refusal = { ok: false, reason: 'invalid_signature', message: 'No.' } as const;
    expect(await change([{ version: 1 }], [refusal])).toEqual(refusal);
    expect(await change([undefined], [])).toMatchObject({ ok: false, reason: 'not_found' });
    expect(told).toEqual([]);
  });

  it('is given up where the state never rests, and names the thing', async () => {
    jest.useFakeTimers();
    try {
      const forever = change(Array(200).fill({ version: 1 }), Array(200).fill(moved));
      const gaveUp = new StoreUnavailable('thing t-1: gave up after 200 conflicting attempts');
      await Promise.all([expect(forever).rejects.toThrow(gaveUp), jest.advanceTimersByTimeAsync(200 * 20)]);
      expect(seen).toHaveLength(200);
    } finally {
      jest.useRealTimers();
    }
  });

  it('never goes out as moved', () => {
    // @ts-expect-error: a handler that answers so does not compile
    const answer: Answer = moved;
    expect(Object.keys(answer as object)).toEqual(['ok', 'hasMoved']);
    expect(() => unmoved<State, string>(moved)).toThrow('kernel:signed_change:moved');
    const refused = { ok: false, reason: 'conflict', message: 'No.' } as const;
    expect(unmoved<State, string>(refused)).toBe(refused);
  });
});
