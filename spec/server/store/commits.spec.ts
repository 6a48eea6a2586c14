import { measured } from '../../../server/store/measured.ts';
import { type Change, type CommitResult, type Store, StoreUnavailable } from '../../../server/store/port.ts';

const aggregate = { kind: 'thing', id: 't-1' };
const change: Change = { fields: { a: '1' } };

describe('who hears of commits', () => {
  const answers: (CommitResult | Error)[] = [];
  const { store, commits } = measured({
    async commit() {
      const answer = answers.shift();
      if (answer === undefined || answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as Store);

  it('hears of those that were made, with the version from then on, and of those of which nobody knows', async () => {
    const heard: unknown[] = [];
    const stop = commits.listen({
      committed: (...told) => void heard.push(told),
      unsure: (...told) => void heard.push(told),
    });
    expect(commits.isHeard).toBe(true);
    answers.push({ ok: true, version: 4 }, { ok: false } as CommitResult, new StoreUnavailable('away'), {
      ok: true,
      version: 9,
    });
    expect(await store.commit(aggregate, 3, change)).toEqual({ ok: true, version: 4 });
    await store.commit(aggregate, 3, change);
    await expect(store.commit(aggregate, 4, change)).rejects.toThrow('away');
    expect(heard).toEqual([[aggregate, change, 4], [aggregate]]);
    stop();
    expect(commits.isHeard).toBe(false);
    await store.commit(aggregate, 8, change);
    expect(heard).toHaveLength(2);
  });
});
