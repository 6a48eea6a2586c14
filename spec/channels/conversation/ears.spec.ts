import { Ears, type Hearer } from '../../../channels/conversation/ears.ts';
import { ConversationLog } from '../../../channels/conversation/log.ts';
import type { LogEntry } from '../../../channels/conversation/state.ts';
import { Hub, type Log } from '../../../server/index.ts';
import { localPubSub } from '../../../server/pubsub/local.ts';
import { eventually } from '../../support/eventually.ts';

const [TASK, TALK] = ['0190a0b0-0000-7000-8000-000000000001', '0190a0b0-0000-7000-8000-000000000002'];
const log = { warn() {} } as unknown as Log;

/** A log of one conversation, and an agent that hears of it what is published. */
async function story(stored: readonly LogEntry[], read = async () => stored) {
  let gap = () => {};
  const pubsub = {
    ...localPubSub({ nodeId: 'n' }),
    onGap(listener: () => void) {
      gap = listener;
    },
  };
  const store = {
    async range(_: object, __: string, from: number, limit: number) {
      const found = (await read()).filter(({ seq }) => seq >= from).slice(0, limit);
      return found.map((entry) => ({ position: entry.seq, value: JSON.stringify(entry) }));
    },
  };
  const conversations = {
    log: () => new ConversationLog(store, TASK, TALK),
    read: async () => undefined,
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
  const stop = await ears.listen('ada', listener, 0);
  const publish = (entry: LogEntry) => ears.publish({ taskId: TASK, id: TALK, entry, name: null, to: ['ada'] });
  return { publish, heard, gap: () => gap(), missed: () => missed, stop };
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
