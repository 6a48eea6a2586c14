import { Ears, type Hearer } from '../../../channels/conversation/ears.ts';
import { ConversationLog } from '../../../channels/conversation/log.ts';
import type { LogEntry, TalkState } from '../../../channels/conversation/state.ts';
import { Hub, type Log } from '../../../server/index.ts';
import { localPubSub } from '../../../server/pubsub/local.ts';
import { eventually } from '../../support/eventually.ts';

const [TASK, TALK] = ['0190a0b0-0000-7000-8000-000000000001', '0190a0b0-0000-7000-8000-000000000002'];
const log = { warn() {} } as unknown as Log;

/** A log of one conversation, and an agent that hears of it what is published. */
async function story(stored: readonly LogEntry[], read = async () => stored, sinceMs = 0) {
  let gap = () => {};
  const pubsub = {
    ...localPubSub({ nodeId: 'n' }),
    onGap(listener: () => void) {
      gap = listener;
    },
  };
  const reads: number[] = [];
  const store = {
    async range(_: object, __: string, from: number, limit: number) {
      const found = (await read()).filter(({ seq }) => seq >= from).slice(0, limit);
      reads.push(found.length);
      return found.map((entry) => ({ position: entry.seq, value: JSON.stringify(entry) }));
    },
  };
  /** What the store has of the conversation itself. */
  const kept = { participants: ['ada'], finishedAtMs: null as number | null };
  const conversations = {
    log: (taskId: string, id: string) => new ConversationLog(store, taskId, id),
    async read() {
      const lastSeq = (await read()).at(-1)?.seq ?? 0;
      const conversation = { id: TALK, name: null, archivedAtMs: null, lastSeq };
      return {
        task: { id: TASK, finishedAtMs: kept.finishedAtMs },
        conversations: new Map([[TALK, conversation]]),
        participants: new Map([[TALK, kept.participants.map((id) => ({ id }))]]),
      } as unknown as TalkState;
    },
  };
  const ears = new Ears(new Hub(pubsub), conversations, log);
  const heard: string[] = [];
  let missed = 0;
  const listener: Hearer = {
    notify: ({ method, params }) => {
      const { removedAgentId, message } = params as { removedAgentId?: string; message?: { seq: string } };
      heard.push([method.split('/')[2], message?.seq ?? removedAgentId].filter(Boolean).join(' '));
    },
    missed: () => missed++,
  };
  const stop = await ears.listen('ada', listener, sinceMs);
  const publish = (entry: LogEntry) => ears.publish({ taskId: TASK, id: TALK, entry, name: null, to: ['ada'] });
  const remind = (upTo: number, gone: string[] = []) =>
    ears.publish({ taskId: TASK, id: TALK, upTo, name: null, to: gone.length > 0 ? [] : ['ada'], gone });
  return { ears, kept, publish, remind, heard, reads, gap: () => gap(), missed: () => missed, stop };
}

const at = { atMs: 1_000 };
const message = (seq: number): LogEntry => ({ ...at, seq, kind: 'message', id: TALK, senderId: 'bob', parts: [] });
const created: LogEntry = { ...at, seq: 1, kind: 'created', participants: ['ada', 'bob'] };
const left = (seq: number, agentId: string): LogEntry => ({
  ...at,
  seq,
  kind: 'removed',
  agentId,
  reason: 'task_leave',
});
const endedAfter = (seq: number): LogEntry => ({ ...at, seq: seq + 0.5, kind: 'archived' });

describe('the end of a task, which has no seq of its own', () => {
  it('is heard after the messages before it, also where word of these comes later', async () => {
    const { publish, heard } = await story([created, message(2), message(3)]);
    publish(created);
    publish(endedAfter(3));
    publish(message(2));
    publish(message(3));
    await eventually(() => expect(heard).toEqual(['created', 'received 2', 'received 3', 'archived']));
  });

  it('does not hide who leaves afterwards', async () => {
    const { publish, heard } = await story([created, left(2, 'bob'), left(3, 'eve')]);
    publish(created);
    publish(endedAfter(1));
    publish(left(3, 'eve'));
    const gone = ['participants-removed bob', 'participants-removed eve'];
    await eventually(() => expect(heard).toEqual(['created', 'archived', ...gone]));
  });
});

describe('a listener learns that it may miss something', () => {
  it('where nodes have lost each other, as long as it listens', async () => {
    const { gap, missed, stop } = await story([]);
    gap();
    expect(missed()).toBe(1);
    stop();
    gap();
    expect(missed()).toBe(1);
  });

  it('where what it missed cannot be read', async () => {
    const { publish, missed } = await story([], () => Promise.reject(new Error('out of reach')));
    publish(message(3));
    await eventually(() => expect(missed()).toBe(1));
  });
});

describe('what was stored and never told', () => {
  it('is heard when it is called again, once', async () => {
    const { publish, remind, heard } = await story([created, message(2), message(3)]);
    publish(created);
    remind(3);
    remind(3);
    publish(message(4));
    await eventually(() => expect(heard).toEqual(['created', 'received 2', 'received 3', 'received 4']));
  });

  it('is no news for whoever came later', async () => {
    const { publish, remind, heard, reads } = await story([created, message(2)], undefined, 2_000);
    remind(2);
    publish({ ...endedAfter(2), atMs: 1_500 });
    publish({ ...message(3), atMs: 3_000 });
    await eventually(() => expect(heard).toEqual(['received 3']));
    expect(reads).toEqual([2]);
  });

  it('is heard by who is in the conversation no more, and nothing behind', async () => {
    const { publish, remind, heard } = await story([created, left(2, 'ada'), message(3)]);
    publish(created);
    remind(3, ['ada']);
    await eventually(() => expect(heard).toEqual(['created', 'participants-removed ada']));
  });
});

describe('what a node has stored and never told is heard once it has gone', () => {
  it('and nothing twice', async () => {
    const stored: LogEntry[] = [created];
    const { ears, kept, publish, heard } = await story(stored);
    publish(created);
    stored.push(message(2), message(3));
    await Promise.all([ears.lookAgain(), ears.lookAgain()]);
    await eventually(() => expect(heard).toEqual(['created', 'received 2', 'received 3']));
    kept.finishedAtMs = 2_000;
    await ears.lookAgain();
    await ears.lookAgain();
    publish(endedAfter(3));
    await eventually(() => expect(heard.slice(3)).toEqual(['archived']));
  });

  it('by who was taken out then, up to its removal', async () => {
    const stored: LogEntry[] = [created];
    const { ears, kept, publish, heard, reads } = await story(stored);
    publish(created);
    stored.push(message(2), left(3, 'ada'), message(4));
    kept.participants = ['bob'];
    await ears.lookAgain();
    await eventually(() => expect(heard).toEqual(['created', 'received 2', 'participants-removed ada']));
    const before = reads.length;
    await ears.lookAgain();
    expect(reads).toHaveLength(before);
  });

  it('unless the store is out of reach, when the next word of it brings it', async () => {
    const stored: LogEntry[] = [created];
    let isAway = false;
    const { ears, publish, heard } = await story(stored, async () => {
      if (isAway) throw new Error('out of reach');
      return stored;
    });
    publish(created);
    await eventually(() => expect(heard).toHaveLength(1));
    stored.push(message(2));
    isAway = true;
    await ears.lookAgain();
    isAway = false;
    publish(message(3));
    await eventually(() => expect(heard).toEqual(['created', 'received 2', 'received 3']));
  });
});

it('the end of a task is heard also where word of who left afterwards came first', async () => {
  const { publish, heard } = await story([created, left(2, 'bob')]);
  publish(created);
  publish(left(2, 'bob'));
  publish(endedAfter(1));
  publish(endedAfter(2));
  await eventually(() => expect(heard).toEqual(['created', 'participants-removed bob', 'archived']));
});

it('a long log is read a few entries at a time, and no further back than the agent was there', async () => {
  const long = [created, ...Array.from({ length: 5_000 }, (_, at) => message(at + 2))];
  const { publish, heard, reads } = await story(long, undefined, 1_001);
  publish({ ...message(5_002), atMs: 2_000 });
  await eventually(() => expect(heard).toEqual(['received 5002']));
  expect(reads).toEqual([16]);
});

it('what could not be read is told when the store answers again', async () => {
  let isAway = true;
  const stored = [created, message(2), message(3)];
  const { publish, heard } = await story(stored, async () => {
    if (isAway) throw new Error('out of reach');
    return stored;
  });
  publish(message(3));
  publish(message(4));
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual([]);
  isAway = false;
  await eventually(() => expect(heard).toEqual(['created', 'received 2', 'received 3', 'received 4']));
});
