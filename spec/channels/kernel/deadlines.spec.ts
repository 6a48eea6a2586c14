import { Deadlines } from '../../../channels/kernel/deadlines.ts';
import { silentLog } from '../../../server/index.ts';
import type { Store } from '../../../server/store/port.ts';
import { eventually } from '../../support/eventually.ts';
import { embeddedStore } from '../stores.ts';

const HOUR_MS = 3_600_000;

describe('deadlines', () => {
  let nowMs: number;
  let opened: Awaited<ReturnType<typeof embeddedStore>>;
  let store: Store;
  let deadlines: Deadlines;
  const woken: string[] = [];
  beforeEach(async () => {
    nowMs = 1_750_000_000_000;
    opened = await embeddedStore(() => nowMs);
    store = opened.store;
    woken.length = 0;
    // The store is asked at the start, and not again while this runs.
    deadlines = new Deadlines({ store, log: silentLog, pollMs: HOUR_MS });
  });
  afterEach(async () => {
    await deadlines.stop();
    await opened.discard();
  });

  const place = (kind: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, at) =>
        store.commit({ kind, id: `${kind}-${at}` }, 0, { fields: { at: String(at) }, deadlineMs: nowMs }),
      ),
    );
  const wake = async (id: string) => void woken.push(id);

  it('are handled without a pause where very many are due at once, each once', async () => {
    await place('many', 450);
    nowMs += 1;
    deadlines.on('many', wake);
    deadlines.start();
    await eventually(() => expect(woken).toHaveLength(450));
    expect(new Set(woken).size).toBe(450);
  });

  it('of one kind do not hold up those of another for ever', async () => {
    await place('endless', 100);
    await place('other', 1);
    nowMs += 1;
    // As many are due again as were handled, for very long.
    deadlines.on('endless', async (id) => {
      woken.push(id);
      if (woken.length > 10_000) return;
      const { version } = await store.read({ kind: 'endless', id });
      await store.commit({ kind: 'endless', id }, version, {
        fields: { again: 'true' },
        deadlineMs: nowMs - woken.length,
      });
    });
    deadlines.on('other', wake);
    deadlines.start();
    await eventually(() => expect(woken).toContain('other-0'));
    expect(woken.indexOf('other-0')).toBeLessThan(5_000);
  });
});
