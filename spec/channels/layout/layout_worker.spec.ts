import type { LayoutWorker as Type } from '../../../channels/layout/layout_worker.ts';
import type { Moved, SetGraph } from '../../../channels/layout/worker_words.ts';
import type { Log } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';

/** From the build: a thread does not go through the compiler of the specs. */
const built = '../../../dist/channels/layout/layout_worker.js';

describe('the thread of the layout', () => {
  it('is replaced when it fails, which is logged, and goes on with what there is', async () => {
    const { LayoutWorker } = (await import(built)) as { LayoutWorker: typeof Type };
    const graph: SetGraph = { agents: [[0], [1]], links: [[0, 1, 1]] };
    const moved: Moved[] = [];
    const errors: unknown[] = [];
    const log = { error: (fields: unknown) => void errors.push(fields) } as unknown as Log;
    const worker = new LayoutWorker({ rateHz: 30, log, onMoved: (each) => void moved.push(each), graph: () => graph });
    try {
      await eventually(() => expect(moved.length).toBeGreaterThan(0));
      worker.set({ agents: null, links: [] } as unknown as SetGraph);
      await eventually(() => expect(errors).toMatchObject([{ err: { name: 'TypeError' }, code: 1 }]));
      const before = moved.length;
      await eventually(() => expect(moved.length).toBeGreaterThan(before));
    } finally {
      await worker.close();
    }
    const after = moved.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(moved).toHaveLength(after);
    expect(errors).toHaveLength(1);
  });
});
