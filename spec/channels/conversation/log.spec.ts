import { ConversationLog } from '../../../channels/conversation/log.ts';
import { orderEntry } from '../../../channels/conversation/order.ts';
import type { LogEntry } from '../../../channels/conversation/state.ts';
import { randomFrom } from '../../support/random.ts';

const SENDERS = ['ada', 'bob', 'eve'];

/** A log of one conversation as the store has it. @param shareOfMessages the rest are archive marks */
function stored(count: number, { shareOfMessages = 0.5, textLength = 1, seed = 1 } = {}) {
  const random = randomFrom(seed);
  const log: LogEntry[] = [];
  const order: string[] = [];
  for (let seq = 1; seq <= count; seq++) {
    const senderId = SENDERS[Math.floor(random() * SENDERS.length)] ?? '';
    if (random() >= shareOfMessages) {
      log.push({ seq, atMs: 0, kind: 'archived' });
      continue;
    }
    const parts = [{ type: 'text', text: 'x'.repeat(textLength) } as const];
    log.push({ seq, atMs: 0, kind: 'message', id: `m-${seq}`, senderId, parts });
    order.push(orderEntry(seq, senderId));
  }
  let entriesRead = 0;
  const values = { talk: log.map((entry) => JSON.stringify(entry)), talk_order: order };
  const store = {
    async range(_: object, stream: string, from: number, limit: number) {
      const all = values[stream.split(':')[0] as keyof typeof values];
      const found = all.slice(Math.max(0, from - 1), Math.max(0, from - 1) + limit);
      if (stream.startsWith('talk:')) entriesRead += found.length;
      return found.map((value, at) => ({ position: Math.max(1, from) + at, value }));
    },
  };
  const messages = log.flatMap((entry) => (entry.kind === 'message' ? [entry] : []));
  return {
    read: new ConversationLog(store, 'task', 'c'),
    extent: { lastSeq: count, messages: messages.length },
    messages,
    entriesRead: () => entriesRead,
  };
}

const seqs = (page: { messages: readonly { seq: number }[] }) => page.messages.map(({ seq }) => seq);

describe('pages of messages', () => {
  it.each([0, 0.02, 0.5, 0.98, 1])('are those of the log where %d of it are messages', async (shareOfMessages) => {
    const { read, extent, messages } = stored(1_500, { shareOfMessages });
    const all = messages.map(({ seq }) => seq);
    for (const afterSeq of [0, 1, 2, 700, 701, 1_499, 1_500, 1_501, 999_999_999_999_999]) {
      for (const limit of [1, 7, 50, 200]) {
        const later = all.filter((seq) => seq > afterSeq);
        const page = await read.messagesAfter(extent, afterSeq, limit);
        expect(seqs(page)).toEqual(later.slice(0, limit));
        expect(page.hasMore).toBe(later.length > limit);
        const last = await read.lastMessages(extent, limit);
        expect(seqs(last)).toEqual(all.slice(-limit));
        expect(last.hasMore).toBe(all.length > limit);
      }
    }
  });

  it('read little more than they answer, however long the log and whatever is in it', async () => {
    for (const shareOfMessages of [0.01, 1]) {
      const { read, extent, entriesRead } = stored(20_000, { shareOfMessages });
      await read.messagesAfter(extent, 10_000, 4);
      await read.lastMessages(extent, 4);
      expect(entriesRead()).toBeLessThanOrEqual(8);
    }
  });

  it('are cut where messages are long, and lack nothing when they are followed', async () => {
    const { read, extent, messages } = stored(60, { shareOfMessages: 1, textLength: 100_000 });
    const found: number[] = [];
    for (let more = true; more; ) {
      const page = await read.messagesAfter(extent, found.at(-1) ?? 0, 200);
      expect(page.messages.length).toBe(Math.min(5, 60 - found.length));
      found.push(...seqs(page));
      more = page.hasMore;
    }
    expect(found).toEqual(messages.map(({ seq }) => seq));
    const last = await read.lastMessages(extent, 200);
    expect(seqs(last)).toEqual(found.slice(-5));
    expect(last.hasMore).toBe(true);
  });

  it('hold one message at least', async () => {
    const { read, extent } = stored(3, { shareOfMessages: 1, textLength: 600_000 });
    expect(await read.messagesAfter(extent, 0, 200)).toMatchObject({ messages: [{ seq: 1 }], hasMore: true });
    expect(await read.lastMessages(extent, 200)).toMatchObject({ messages: [{ seq: 3 }], hasMore: true });
  });

  it('are empty, and the last, where the messages have been forgotten', async () => {
    const { read } = stored(0);
    const extent = { lastSeq: 900, messages: 800 };
    const none = { messages: [], hasMore: false };
    expect(await read.messagesAfter(extent, 100, 50)).toEqual(none);
    expect(await read.lastMessages(extent, 50)).toEqual(none);
  });
});

it('the messages of a sender are counted without reading one', async () => {
  const { read, messages, entriesRead } = stored(9_000, { shareOfMessages: 0.9 });
  const [from, to] = [5, messages.length - 5];
  const own = messages.slice(from - 1, to).filter(({ senderId }) => senderId === 'bob').length;
  expect(await read.countBy('bob', from, to)).toBe(own);
  expect(await read.countBy('bob', 7, 6)).toBe(0);
  expect(entriesRead()).toBe(0);
});
