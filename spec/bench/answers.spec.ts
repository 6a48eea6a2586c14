import { Hearing } from '../../bench/generator/hearing.ts';
import { Sightings } from '../../bench/generator/sightings.ts';
import { search, turnPages } from '../../bench/scenarios/discover.ts';

/** Answers with one page after the other: the ids of its agents. */
function pages(...found: readonly (readonly string[])[]) {
  let asked = 0;
  return {
    async push<Answer>(): Promise<Answer> {
      const agents = (found[asked++] ?? []).map((id) => ({ id }));
      return { agents, ...(asked < found.length && { next_cursor: `${asked}` }) } as Answer;
    },
  };
}

const kind = { query: () => ({ capability: 'chat' }), fitting: (agents: number) => agents };

describe('an answer that is fast and wrong', () => {
  it('is no search that found too few', async () => {
    expect((await search(pages(['a', 'b']), kind, 2, 1)).count).toBe(1);
    await expect(search(pages(['a']), kind, 2, 1)).rejects.toThrow('{"capability":"chat"} found 1 agents');
  });

  it('is no pages that end early, or have an agent twice', async () => {
    expect((await turnPages(pages(['a', 'b'], ['c']), 3)).count).toBe(2);
    await expect(turnPages(pages(['a', 'b']), 3)).rejects.toThrow('all pages together have 2 of 3 agents');
    await expect(turnPages(pages(['a', 'b'], ['b', 'c']), 3)).rejects.toThrow('two pages have the same agent');
  });

  it('is no message that one agent hears twice, and another not at all', async () => {
    const hearing = new Hearing(3);
    let isHeard = false;
    void hearing.until('hello', 0).then(() => {
      isHeard = true;
    });
    hearing.heard('hello', 1);
    expect(() => hearing.heard('hello', 1)).toThrow('"hello" came to an agent twice, or to the one who said it');
    expect(() => hearing.heard('hello', 0)).toThrow('"hello" came to an agent twice');
    await Promise.resolve();
    expect(isHeard).toBe(false);
    hearing.heard('hello', 2);
    await Promise.resolve();
    expect(isHeard).toBe(true);
    expect(() => hearing.heard('hello', 2)).toThrow('"hello" came to an agent twice');
  });
});

describe('what viewers see', () => {
  it('is counted for each viewer and pair, and what one lacks, sees twice or late', () => {
    // Each of two viewers watches one of two pairs.
    const sightings = new Sightings(2, 2, (viewer, pair) => viewer === pair);
    const [first, second, third] = [sightings.sends(0), sightings.sends(0), sightings.sends(0)];
    const other = sightings.sends(1);
    sightings.seen(0, first);
    sightings.seen(0, third);
    expect(sightings.losses()).toEqual({ lost: 2, repeated: 0, swapped: 0 });
    sightings.seen(0, second);
    sightings.seen(0, second);
    expect(sightings.losses()).toEqual({ lost: 1, repeated: 1, swapped: 1 });
    expect([sightings.count, sightings.latencies.count]).toEqual([3, 3]);
    expect(() => sightings.seen(0, other)).toThrow(`a viewer saw ${other}, which is not for it`);
    expect(() => sightings.seen(0, 'message-0-9')).toThrow('a viewer saw message-0-9');
  });
});
