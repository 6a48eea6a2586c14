import { MAX_FROM_ONE_SENDER, MAX_MESSAGES } from '../../../channels/messages/inbox.ts';
import { Messages } from '../../../channels/messages/messages.ts';
import { type Message, TTL_MS } from '../../../channels/messages/state.ts';
import { silentLog } from '../../../server/index.ts';
import { type Store, StoreUnavailable } from '../../../server/store/port.ts';
import { embeddedStore, onEveryStore } from '../stores.ts';
import { anybody } from './serving.ts';

let made = 0;
const freshId = (word: string) => `${word}-${++made}-${Date.now()}`;
const hello = (to: string, fields: object = {}) => ({ to_agent_id: to, type: 'greeting', payload: 'hello', ...fields });

function open(store: Store) {
  const placed: string[] = [];
  const settled: string[] = [];
  const messages = new Messages({
    store,
    agents: anybody,
    log: silentLog,
    onPlaced: (message: Message) => placed.push(message.about.id),
    onSettled: (message: Message) => settled.push(message.about.id),
  });
  return { messages, placed, settled };
}

async function idsIn(messages: Messages, agentId: string): Promise<string[]> {
  const entries = await messages.pile(agentId).from(0, 20_000);
  return entries.map(({ id }) => id);
}

/** The steps that a store takes, and one after which, or instead of which, the process is gone. */
function dyingStore(store: Store, diesAt: number, when: 'before' | 'after') {
  let commits = 0;
  const gone = () => new StoreUnavailable('the process is gone');
  return {
    ...store,
    async commit(...change: Parameters<Store['commit']>) {
      const at = commits++;
      if (at > diesAt || (at === diesAt && when === 'before')) throw gone();
      const result = await store.commit(...change);
      if (at === diesAt) throw gone();
      return result;
    },
  };
}

const deaths = [0, 1, 2].flatMap((at) => (['before', 'after'] as const).map((when) => [when, at] as const));

describe('messages', () => {
  onEveryStore((opened) => {
    it.each(deaths)('a sender’s node dies %s commit %i: the retry finds one message, placed once', async (when, at) => {
      const [bob, id] = [freshId('bob'), freshId('m')];
      const dying = open(dyingStore(opened().store, at, when));
      const first = await dying.messages.send('ada', hello(bob, { id })).catch((error: Error) => error.name);
      if (at < 2) expect(first).toBe('StoreUnavailable');
      const { messages } = open(opened().peer);
      expect(await messages.send('ada', hello(bob, { id }))).toMatchObject({ ok: true });
      expect(await idsIn(messages, bob)).toEqual([id]);
      expect(await messages.settle(bob, id, 'acknowledged')).toEqual({ ok: true, isRepeat: false });
      expect(await messages.send('ada', hello(bob, { id }))).toMatchObject({ ok: true, isRepeat: true });
      expect(await idsIn(messages, bob)).toEqual([]);
    });

    it.each(deaths)('a sender’s node dies %s commit %i: its deadline finishes what was begun', async (when, at) => {
      const [bob, id] = [freshId('bob'), freshId('m')];
      await open(dyingStore(opened().store, at, when))
        .messages.send('ada', hello(bob, { id }))
        .catch(() => {});
      const { messages, placed } = open(opened().peer);
      const wasBegun = at > 0 || when === 'after';
      const wasPlaced = at > 1 || (at === 1 && when === 'after');
      // What is not in the inbox yet is not shown.
      expect((await messages.read(id)) !== undefined).toBe(wasPlaced);
      await messages.finish(id);
      expect(await idsIn(messages, bob)).toEqual(wasBegun ? [id] : []);
      if (at < 2) expect(placed).toEqual(wasBegun ? [id] : []);
      if (wasBegun) await eventuallyPending(messages, id);
      await messages.finish(id);
      expect(await idsIn(messages, bob)).toEqual(wasBegun ? [id] : []);
    });

    it.each(deaths)(
      'a recipient’s node dies %s commit %i of an acknowledgement: a repeat settles it',
      async (when, at) => {
        const [bob, id] = [freshId('bob'), freshId('m')];
        const { messages, settled } = open(opened().peer);
        await messages.send('ada', hello(bob, { id }));
        await eventuallyPending(messages, id);
        const dying = open(dyingStore(opened().store, at, when));
        await dying.messages.settle(bob, id, 'acknowledged').catch(() => {});
        expect(await messages.settle(bob, id, 'acknowledged')).toMatchObject({ ok: true });
        expect(await idsIn(messages, bob)).toEqual([]);
        expect((await messages.read(id))?.progress.status).toBe('acknowledged');
        const told = [...settled, ...dying.settled];
        // The one moment at which nobody is told: the message has left the inbox and its node died of it.
        expect(told).toEqual(at === 1 && when === 'after' ? [] : [id]);
      },
    );

    it('an acknowledgement that was begun is finished at its deadline', async () => {
      const [bob, id] = [freshId('bob'), freshId('m')];
      const { messages, settled } = open(opened().peer);
      await messages.send('ada', hello(bob, { id }));
      await eventuallyPending(messages, id);
      await open(dyingStore(opened().store, 0, 'after'))
        .messages.settle(bob, id, 'rejected', 'no')
        .catch(() => {});
      expect(await idsIn(messages, bob)).toEqual([id]);
      await messages.finish(id);
      expect(await idsIn(messages, bob)).toEqual([]);
      expect(settled).toEqual([id]);
    });

    it('an attempt that comes late, after its message was taken over and acknowledged, changes nothing', async () => {
      const [bob, id] = [freshId('bob'), freshId('m')];
      const { messages } = open(opened().peer);
      let isHeld = true;
      const slow = open({
        ...opened().store,
        async commit(...change: Parameters<Store['commit']>) {
          if (change[0].kind === 'inbox' && isHeld) {
            isHeld = false;
            expect(await messages.send('ada', hello(bob, { id }))).toMatchObject({ ok: true });
            expect(await messages.settle(bob, id, 'acknowledged')).toMatchObject({ ok: true });
          }
          return opened().store.commit(...change);
        },
      });
      expect(await slow.messages.send('ada', hello(bob, { id }))).toMatchObject({ ok: true });
      expect(await idsIn(messages, bob)).toEqual([]);
      expect((await messages.read(id))?.progress.status).toBe('acknowledged');
    });

    it('many at once, the same ids from two nodes, while they are acknowledged: each is there once and once only', async () => {
      const bob = freshId('bob');
      const [one, other] = [open(opened().store), open(opened().peer)];
      const ids = Array.from({ length: 60 }, () => freshId('m'));
      const acknowledged = new Set<string>();
      const acknowledgeAll = async () => {
        for (const id of await idsIn(other.messages, bob)) {
          const settled = await other.messages.settle(bob, id, 'acknowledged');
          if (!settled.ok || settled.isRepeat) continue;
          expect(acknowledged.has(id)).toBe(false);
          acknowledged.add(id);
        }
      };
      const sent = await Promise.all([
        ...ids.flatMap((id) => [one, other].map(({ messages }) => messages.send('ada', hello(bob, { id })))),
        acknowledgeAll(),
      ]);
      expect(sent.slice(0, -1).every((answer) => answer?.ok)).toBe(true);
      await acknowledgeAll();
      expect([...acknowledged].sort()).toEqual([...ids].sort());
      expect(await idsIn(one.messages, bob)).toEqual([]);
      expect((await one.messages.head(bob)).count).toBe(0);
    });

    it('keeps the order in which one sender sends', async () => {
      const bob = freshId('bob');
      const { messages } = open(opened().store);
      const ids = Array.from({ length: 200 }, () => freshId('m'));
      await Promise.all(ids.map((id) => messages.send('ada', hello(bob, { id }))));
      expect(await idsIn(messages, bob)).toEqual(ids);
    });

    it('refuses the 1,001st of a sender and leaves nothing of it; its id is anybody’s', async () => {
      const bob = freshId('bob');
      const { messages } = open(opened().store);
      await Promise.all(Array.from({ length: MAX_FROM_ONE_SENDER }, () => messages.send('ada', hello(bob))));
      const id = freshId('m');
      expect(await messages.send('ada', hello(bob, { id }))).toMatchObject({
        reason: 'inbox_full',
        details: { scope: 'sender' },
      });
      expect(await messages.read(id)).toBeUndefined();
      expect(await messages.send('eve', hello(bob, { id }))).toMatchObject({ ok: true, isRepeat: false });
    });

    it('two that race for the last place: one gets it, the other is refused and may come again', async () => {
      const bob = freshId('bob');
      const { messages } = open(opened().store);
      await Promise.all(Array.from({ length: MAX_FROM_ONE_SENDER - 1 }, () => messages.send('ada', hello(bob))));
      const ids = [freshId('m'), freshId('m'), freshId('m')];
      const sent = await Promise.all(ids.map((id) => messages.send('ada', hello(bob, { id }))));
      expect(sent.map((answer) => (answer.ok ? 'ok' : answer.reason))).toEqual(['ok', 'inbox_full', 'inbox_full']);
      const [taken, refused] = ids as [string, string];
      expect(await messages.read(refused)).toBeUndefined();
      await messages.settle(bob, taken, 'acknowledged');
      expect(await messages.send('ada', hello(bob, { id: refused }))).toMatchObject({ ok: true, isRepeat: false });
    });
  });

  it('expire after seven days by the store’s clock, and no sooner', async () => {
    let nowMs = 1_000_000;
    const { store, discard } = await embeddedStore(() => nowMs);
    const { messages, settled } = open(store);
    await messages.send('ada', hello('bob', { id: 'old' }));
    nowMs += 1_000;
    await messages.send('ada', hello('bob', { id: 'young' }));
    nowMs += TTL_MS - 1_001;
    expect(await store.claimDue('inbox', 10, 1_000)).toEqual([]);
    nowMs += 1;
    expect(await messages.settle('bob', 'old', 'acknowledged')).toMatchObject({
      reason: 'conflict',
      details: { status: 'expired' },
    });
    expect(await store.claimDue('inbox', 10, 1_000)).toMatchObject([{ id: 'bob' }]);
    await messages.expire('bob');
    expect(settled).toEqual(['old']);
    expect((await messages.read('old'))?.progress.status).toBe('expired');
    expect(await idsIn(messages, 'bob')).toEqual(['young']);
    nowMs += 1_000;
    expect(await store.claimDue('inbox', 10, 1_000)).toMatchObject([{ id: 'bob' }]);
    await messages.expire('bob');
    expect(await messages.head('bob')).toMatchObject({ count: 0, wakeAtMs: null });
    await messages.send('ada', hello('bob', { id: 'new' }));
    expect((await messages.head('bob')).wakeAtMs).toBe(nowMs + TTL_MS);
    await discard();
  });

  it('an inbox holds 10,000 from all', async () => {
    const { store, discard } = await embeddedStore();
    const { messages } = open(store);
    const senders = Array.from({ length: MAX_MESSAGES / MAX_FROM_ONE_SENDER }, (_, at) => `sender-${at}`);
    for (const sender of senders) {
      const sent = await Promise.all(
        Array.from({ length: MAX_FROM_ONE_SENDER }, () => messages.send(sender, hello('bob'))),
      );
      expect(sent.every(({ ok }) => ok)).toBe(true);
    }
    expect(await messages.send('one-more', hello('bob'))).toMatchObject({
      reason: 'inbox_full',
      details: { scope: 'inbox' },
    });
    await discard();
  }, 60_000);
});

async function eventuallyPending(messages: Messages, id: string) {
  while ((await messages.read(id))?.progress.status !== 'pending')
    await new Promise((resolve) => setTimeout(resolve, 5));
}
