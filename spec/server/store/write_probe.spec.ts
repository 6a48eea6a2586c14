import { StoreReadOnly, StoreUnavailable } from '../../../server/store/port.ts';
import { writeProbe } from '../../../server/store/write_probe.ts';

describe('asking whether a store takes writes', () => {
  let nowMs: number;
  let writes: number;
  let answer: () => Promise<void>;
  let ask: ReturnType<typeof writeProbe>;
  beforeEach(() => {
    nowMs = 5_000;
    writes = 0;
    answer = async () => {};
    ask = writeProbe(
      () => {
        writes++;
        return answer();
      },
      () => nowMs,
    );
  });

  it('writes once a second, however many ask', async () => {
    for (let at = 0; at < 100; at++) expect(await ask()).toEqual({ writable: true });
    nowMs += 999;
    await ask();
    expect(writes).toBe(1);
    nowMs += 1;
    await Promise.all([ask(), ask(), ask()]);
    expect(writes).toBe(2);
  });

  it('never has two writes under way, however long one takes', async () => {
    let finish = () => {};
    answer = () => new Promise((resolve) => (finish = resolve));
    const asked = [ask()];
    nowMs += 60_000;
    asked.push(ask(), ask());
    expect(writes).toBe(1);
    finish();
    expect(await Promise.all(asked)).toEqual([{ writable: true }, { writable: true }, { writable: true }]);
    void ask();
    expect(writes).toBe(2);
  });

  it('says why it does not, and that it does again', async () => {
    answer = () => Promise.reject(new StoreReadOnly('of 10.0.0.1: full', 'it is full'));
    expect(await ask()).toEqual({ writable: false, why: 'it is full' });
    answer = async () => {};
    nowMs += 1_000;
    expect(await ask()).toEqual({ writable: true });
  });

  it('rejects while the store is out of reach, for all who share the write', async () => {
    answer = () => Promise.reject(new StoreUnavailable('away'));
    await expect(ask()).rejects.toThrow('away');
    await expect(ask()).rejects.toThrow('away');
    expect(writes).toBe(1);
  });
});
