import { Deadlines } from '../../../channels/kernel/deadlines.ts';
import type { Notice, NoticeRef } from '../../../channels/messages/notifications.ts';
import { openPrincipals } from '../../../channels/principals/principals.ts';
import { type TaskEffects, Tasks } from '../../../channels/task/tasks.ts';
import { silentLog } from '../../../server/index.ts';
import type { Store } from '../../../server/store/port.ts';
import { eventually } from '../../support/eventually.ts';
import { accepted, agentFields, freshId } from '../principals/fixtures.ts';
import { embeddedStore } from '../stores.ts';

const DAY_MS = 86_400_000;
const RETENTION_MS = 30 * DAY_MS;

let nowMs: number;
let opened: Awaited<ReturnType<typeof embeddedStore>>;
let store: Store;
let announced: [readonly string[], Notice][];
let acknowledged: NoticeRef[];

beforeEach(async () => {
  nowMs = 1_750_000_000_000;
  opened = await embeddedStore(() => nowMs);
  store = opened.store;
  announced = [];
  acknowledged = [];
});
afterEach(() => opened.discard());

const agents = () => openPrincipals(store).agents;

function effects(changed: Partial<TaskEffects> = {}): TaskEffects {
  return {
    notifications: {
      async announce(notice, agentIds, make) {
        announced.push([agentIds, notice]);
        return (await make(agentIds.map((agentId) => ({ agentId, id: `notice-${agentId}` })))).result;
      },
      acknowledge: async (refs) => void acknowledged.push(...refs),
    },
    countTask: (agentId, taskId, outcome) => agents().countTask(agentId, taskId, outcome),
    forgetTask: (agentId, taskId) => agents().forgetTask(agentId, taskId),
    ...changed,
  };
}

async function provider(): Promise<string> {
  const { state } = await accepted(agents().register('admin', freshId('p'), agentFields()));
  return state.id;
}

async function create(tasks: Tasks, providerAgentId: string, creatorAgentId: string | null = 'c-1') {
  const said = { clientAgentId: 'c-1', providerAgentId, creatorAgentId, appId: null };
  const created = await tasks.create('admin', freshId('t'), {
    ...said,
    capability: null,
    priceMicro: null,
    metadata: {},
  });
  if (!created.ok) throw new Error(created.reason);
  return created.state.task.id;
}

const complete = (tasks: Tasks, id: string) =>
  tasks.apply(id, {
    type: 'end',
    by: 'provider',
    as: { status: 'completed', result: 'done' },
    retentionMs: RETENTION_MS,
  });

/** Wakes what is due, as every node does, until `probe` is content. */
async function woken(tasks: Tasks, probe: () => void | Promise<void>) {
  const deadlines = new Deadlines({ store, log: silentLog, pollMs: 10, leaseMs: 1 });
  deadlines.on('task', (id) => tasks.wake(id));
  deadlines.start();
  try {
    await eventually(probe);
  } finally {
    await deadlines.stop();
  }
}

const isDead = () => Promise.reject(new Error('the node dies here'));

describe('the notices of a task', () => {
  it('go to every participant but its creator, before it is made', async () => {
    const tasks = new Tasks(store, effects());
    const id = await create(tasks, 'p-1');
    const notice = { type: 'aerie.task', by: 'admin', request: expect.any(String) };
    expect(announced).toEqual([[['p-1'], { ...notice, thingId: id }]]);
    const byApp = await create(tasks, 'p-1', null);
    expect(announced.slice(1)).toEqual([[['c-1', 'p-1'], { ...notice, thingId: byApp }]]);
    nowMs += DAY_MS;
    expect(await store.claimDue('task', 10, 1_000)).toEqual([]);
  });

  it('are acknowledged once it has ended, however, and later if the node dies in between', async () => {
    const id = await provider();
    const tasks = new Tasks(store, effects());
    const refs = [{ agentId: id, id: `notice-${id}` }];
    const cancel = async () => {
      const task = await create(tasks, id);
      const as = { status: 'cancelled', reason: 'x' } as const;
      return accepted(tasks.apply(task, { type: 'end', by: 'client', as, retentionMs: RETENTION_MS }));
    };
    await tasks.settleEnd((await accepted(complete(tasks, await create(tasks, id)))).state);
    expect(acknowledged).toEqual(refs);
    const cancelled = await cancel();
    await tasks.settleEnd(cancelled.state);
    expect(acknowledged).toEqual([...refs, ...refs]);
    await tasks.settleEnd((await accepted(complete(tasks, await create(tasks, id)))).state);

    await cancel();
    await create(tasks, id);
    nowMs += 6_000;
    acknowledged = [];
    await woken(tasks, () => expect(acknowledged).toEqual(refs));
    nowMs += 60_000;
    // The two completed ones are forgotten by their provider.
    await woken(tasks, async () => expect((await agents().read(id))?.countedTasks).toEqual([]));
    expect(await store.claimDue('task', 10, 1_000)).toEqual([]);
    expect(acknowledged).toEqual(refs);
  });
});

describe('an outcome', () => {
  it('is counted once, whoever dies where', async () => {
    const id = await provider();
    const shown = async () => {
      const agent = await agents().read(id);
      return { completed: agent?.completed, remembered: agent?.countedTasks?.length ?? 0 };
    };
    const tasks = new Tasks(store, effects());
    const task = await create(tasks, id);
    const ended = await accepted(complete(tasks, task));

    // Before the count.
    await expect(new Tasks(store, effects({ countTask: isDead })).settleEnd(ended.state)).rejects.toThrow();
    expect(await shown()).toEqual({ completed: 0, remembered: 0 });
    // Between the count and the task's learning of it.
    const countsAndDies = effects({
      async countTask(...counted) {
        await agents().countTask(...counted);
        return isDead();
      },
    });
    nowMs += 6_000;
    await expect(new Tasks(store, countsAndDies).wake(task)).rejects.toThrow();
    expect(await shown()).toEqual({ completed: 1, remembered: 1 });
    await woken(tasks, async () => expect((await tasks.read(task))?.task.duties.countMs).toBeNull());
    // A late one, that still takes the task for uncounted.
    await tasks.settleEnd(ended.state);
    expect(await shown()).toEqual({ completed: 1, remembered: 1 });
    nowMs += 60_000;
    await woken(tasks, async () => expect(await shown()).toEqual({ completed: 1, remembered: 0 }));
    expect((await tasks.read(task))?.task.duties).toMatchObject({ countMs: null, forgetMs: null });
  });
});

describe('an ended task', () => {
  it('gives its space back after its time, and still shows what it was', async () => {
    const tasks = new Tasks(store, effects());
    const id = await create(tasks, await provider());
    for (const seq of [1, 2, 5_000]) {
      await tasks.storeChunk(id, { by: 'provider', stream: 'output', seq, chunk: `chunk ${seq}` });
    }
    await tasks.storeChunk(id, { by: 'client', stream: 'input', seq: 0, chunk: 'x' });
    await tasks.apply(id, { type: 'save_checkpoint', by: 'provider', seq: 3, state: { at: 3 } });
    await complete(tasks, id);
    const before = await tasks.read(id);
    const entries = async () => {
      const streams = ['input', 'output', 'input.order', 'output.order', 'checkpoint'];
      const found = await Promise.all(streams.map((name) => store.range({ kind: 'task', id }, name, 0, 10)));
      return found.map(({ length }) => length);
    };
    expect(await entries()).toEqual([1, 3, 1, 3, 1]);

    nowMs += RETENTION_MS - 1;
    await tasks.wake(id);
    expect(await entries()).toEqual([1, 3, 1, 3, 1]);
    nowMs += 1;
    await woken(tasks, async () => expect(await entries()).toEqual([0, 0, 0, 0, 0]));

    const after = await tasks.read(id);
    expect(after?.contents).toEqual(before?.contents);
    expect(after?.output).toMatchObject({ count: 3, droppedAtSeq: 3, lastSeq: 5_000 });
    expect(after?.task.checkpoint).toBeNull();
    const { fields } = await store.read({ kind: 'task', id });
    expect(Object.keys(fields).sort()).toEqual(['contents', 'input', 'output', 'task']);
    const again = { by: 'provider', stream: 'output', seq: 1, chunk: 'chunk 1' } as const;
    expect(await tasks.storeChunk(id, again)).toMatchObject({ ok: false, reason: 'task_closed' });
  });
});

describe('a checksum', () => {
  it('is found without reading the stream again for every wrong attempt', async () => {
    let read = 0;
    const counting: Store = {
      ...store,
      async range(...query) {
        const entries = await store.range(...query);
        if (query[1] === 'output') read += entries.length;
        return entries;
      },
    };
    const tasks = new Tasks(counting, effects());
    const id = await create(tasks, 'p-1');
    const put = (seq: number) => tasks.storeChunk(id, { by: 'provider', stream: 'output', seq, chunk: 'ab' });
    const wrong = (totalSize: number) =>
      tasks.completeStream(id, { by: 'provider', stream: 'output', checksum: '0'.repeat(64), totalSize });
    await Promise.all(Array.from({ length: 40 }, (_, at) => put(at + 1)));
    await Promise.all(Array.from({ length: 20 }, () => wrong(80)));
    expect(read).toBe(40);
    await put(41);
    expect(await wrong(82)).toMatchObject({ reason: 'checksum_mismatch' });
    expect(read).toBe(41);
    // The start moves: nothing of the sum is of use.
    await put(0);
    expect(await wrong(84)).toMatchObject({ reason: 'checksum_mismatch' });
    expect(read).toBe(83);
  });
});
