import { MAX_FROM_ONE_SENDER } from '../../../channels/messages/inbox.ts';
import { Messages } from '../../../channels/messages/messages.ts';
import { type Notice, type NoticeRef, openNotifications } from '../../../channels/messages/notifications.ts';
import type { Message } from '../../../channels/messages/state.ts';
import { silentLog } from '../../../server/index.ts';
import { type Store, StoreUnavailable } from '../../../server/store/port.ts';
import { eventually } from '../../support/eventually.ts';
import { onEveryStore, tamperedStore } from '../stores.ts';
import { anybody } from './serving.ts';

let made = 0;
const freshId = (word: string) => `${word}-${++made}-${Date.now()}`;

function open(store: Store) {
  const told: string[] = [];
  const messages = new Messages({
    store,
    agents: anybody,
    log: silentLog,
    onPlaced: (message: Message) => told.push(message.about.id),
    onSettled: () => {},
  });
  return { messages, told, ...openNotifications(messages, silentLog) };
}

const noticeOf = (thingId: string, fields: Partial<Notice> = {}): Notice => ({
  type: 'aerie.task',
  thingId,
  by: 'app:shop',
  request: `request of ${thingId}`,
  ...fields,
});

async function idsIn(messages: Messages, agentId: string): Promise<string[]> {
  const entries = await messages.pile(agentId).from(0, 20_000);
  return entries.map(({ id }) => id);
}

/** Things as they are made for real: an id is taken once, by one call. */
function things() {
  const kept = new Map<string, { readonly request: string; readonly refs: readonly NoticeRef[] }>();
  return {
    kept,
    make: (notice: Notice) => async (refs: readonly NoticeRef[]) => {
      const there = kept.get(notice.thingId);
      if (there && there.request !== notice.request) return { result: 'conflict', kept: [] };
      if (!there) kept.set(notice.thingId, { request: notice.request, refs });
      return { result: there ? 'repeated' : 'made', kept: there?.refs ?? refs };
    },
  };
}

const never = () => Promise.reject(new Error('must not be made'));

onEveryStore((opened) => {
  it('are in every inbox before the thing is made, and pushed after it', async () => {
    const [ada, bob] = [freshId('ada'), freshId('bob')];
    const { messages, told, announce } = open(opened().store);
    const result = await announce(noticeOf('t-1'), [ada, bob], async (refs) => {
      expect(refs.map(({ agentId }) => agentId)).toEqual([ada, bob]);
      expect([...(await idsIn(messages, ada)), ...(await idsIn(messages, bob))]).toEqual(refs.map(({ id }) => id));
      expect(told).toEqual([]);
      return { result: 'made', kept: refs };
    });
    expect(result).toBe('made');
    const [id = ''] = await idsIn(messages, bob);
    await eventually(() => expect(told).toContain(id));
    expect(await messages.read(id)).toMatchObject({
      payloadJson: '{"id":"t-1"}',
      about: { type: 'aerie.task', fromAgentId: null },
    });
  });

  it('count for the app, the user or the agent that caused them, with its messages, and of the admin for nobody', async () => {
    const bob = freshId('bob');
    const { messages, announce } = open(opened().store);
    const post = (by: string) => {
      const notice = noticeOf(freshId('t'), { by });
      return announce(notice, [bob], things().make(notice));
    };
    const causes = ['app:eve', 'user:eve', 'agent:eve'];
    for (const by of causes) {
      await Promise.all(Array.from({ length: MAX_FROM_ONE_SENDER }, () => post(by)));
      expect(await announce(noticeOf(freshId('t'), { by }), [bob], never)).toMatchObject({
        reason: 'inbox_full',
        details: { scope: 'sender', agent_id: bob },
      });
    }
    const hello = { to_agent_id: bob, type: 'greeting', payload: 'hello' };
    expect(await messages.send('eve', hello)).toMatchObject({ reason: 'inbox_full', details: { scope: 'sender' } });
    expect(await messages.send('ada', hello)).toMatchObject({ ok: true });
    const others = Array.from({ length: 10_000 - 3_001 }, () => post('admin'));
    expect(new Set(await Promise.all(others))).toEqual(new Set(['made']));
    expect(await announce(noticeOf(freshId('t'), { by: 'admin' }), [bob], never)).toMatchObject({
      reason: 'inbox_full',
      details: { scope: 'inbox', agent_id: bob },
    });
    const [oldest = ''] = await idsIn(messages, bob);
    await messages.acknowledgeNotice(oldest);
    expect(await post('app:eve')).toBe('made');
  }, 120_000);

  it('go to nobody where one inbox is full, which is named', async () => {
    const [ada, bob] = [freshId('ada'), freshId('bob')];
    const { messages, told, announce } = open(opened().store);
    await Promise.all(
      Array.from({ length: MAX_FROM_ONE_SENDER }, async () => {
        const notice = noticeOf(freshId('t'));
        await announce(notice, [bob], things().make(notice));
      }),
    );
    await eventually(() => expect(told).toHaveLength(MAX_FROM_ONE_SENDER));
    expect(await announce(noticeOf(freshId('t')), [ada, bob], never)).toMatchObject({
      details: { scope: 'sender', agent_id: bob },
    });
    // Nor was anything there for a moment.
    expect((await messages.head(ada)).next).toBe(0);
    expect(told).toHaveLength(MAX_FROM_ONE_SENDER);
  });

  it('are taken back by a call that finds its inbox filled up in the middle', async () => {
    const [ada, bob] = [freshId('ada'), freshId('bob')];
    const { messages, announce } = open(opened().store);
    const filler = () => {
      const notice = noticeOf(freshId('t'));
      return announce(notice, [bob], things().make(notice));
    };
    await Promise.all(Array.from({ length: MAX_FROM_ONE_SENDER - 1 }, filler));
    const notice = noticeOf(freshId('t'));
    let filled: Promise<unknown> | undefined;
    // The last place is taken after it was looked at.
    const late = open(
      tamperedStore(opened().peer, async (kind) => {
        if (kind !== 'message') return;
        filled ??= filler();
        expect(await filled).toBe('made');
      }),
    );
    expect(await late.announce(notice, [ada, bob], never)).toMatchObject({ details: { agent_id: bob } });
    expect(await idsIn(messages, ada)).toEqual([]);

    // Room again: the same call makes the thing, under a notice that ada has not had.
    const [first = ''] = await idsIn(messages, bob);
    await messages.acknowledgeNotice(first);
    expect(await announce(notice, [ada, bob], things().make(notice))).toBe('made');
    expect(await idsIn(messages, ada)).toHaveLength(1);
  });

  it('of the same call many times at once, on two nodes, are there once, and so is the thing', async () => {
    const [ada, bob] = [freshId('ada'), freshId('bob')];
    const nodes = [open(opened().store), open(opened().peer)];
    const { make, kept } = things();
    const notice = noticeOf(freshId('t'));
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, at) => nodes[at % 2]?.announce(notice, [ada, bob], make(notice))),
    );
    expect(results.filter((result) => result === 'made')).toHaveLength(1);
    const messages = nodes[0]?.messages as Messages;
    const refs = kept.get(notice.thingId)?.refs.map(({ id }) => id);
    expect([...(await idsIn(messages, ada)), ...(await idsIn(messages, bob))]).toEqual(refs);
  });

  it('of the same call twice at once, where there is room for one, do not refuse the one for the other', async () => {
    const bob = freshId('bob');
    const { messages, announce } = open(opened().store);
    const fill = () => {
      const notice = noticeOf(freshId('t'));
      return announce(notice, [bob], things().make(notice));
    };
    await Promise.all(Array.from({ length: MAX_FROM_ONE_SENDER - 1 }, fill));
    const notice = noticeOf(freshId('t'));
    const { make } = things();
    let isFirst = true;
    // The other one is through with its notice before this one has looked at the inbox.
    const late = open({
      ...opened().peer,
      async read(aggregate, fields) {
        if (aggregate.kind === 'inbox' && isFirst) {
          isFirst = false;
          expect(await announce(notice, [bob], make(notice))).toBe('made');
        }
        return opened().peer.read(aggregate, fields);
      },
    });
    expect(await late.announce(notice, [bob], make(notice))).toBe('repeated');
    expect((await messages.head(bob)).count).toBe(MAX_FROM_ONE_SENDER);
  });

  it('of another call under the same id go with it, and those of the one that made the thing stay', async () => {
    const bob = freshId('bob');
    const { messages, announce } = open(opened().store);
    const { make } = things();
    const [mine, other] = [noticeOf(freshId('t')), { request: 'another', by: 'app:eve' }];
    const loser = { ...mine, ...other };
    const both = await announce(loser, [bob], async (refs) => {
      expect(await announce(mine, [bob], make(mine))).toBe('made');
      return make(loser)(refs);
    });
    expect(both).toBe('conflict');
    expect(await idsIn(messages, bob)).toHaveLength(1);
  });

  it('stay while another call relies on them, and go with the last', async () => {
    const bob = freshId('bob');
    const [one, other] = [open(opened().store), open(opened().peer)];
    const notice = noticeOf(freshId('t'));
    const makesNothing = async () => ({ result: 'refused', kept: [] });
    await one.announce(notice, [bob], async () => {
      await other.announce(notice, [bob], makesNothing);
      expect(await idsIn(one.messages, bob)).toHaveLength(1);
      return makesNothing();
    });
    expect(await idsIn(one.messages, bob)).toEqual([]);
  });

  it('stay after a crash without their thing, and the same call again finds them', async () => {
    const bob = freshId('bob');
    const notice = noticeOf(freshId('t'));
    const dying = open(opened().store);
    const dies = async () => {
      throw new StoreUnavailable('the process is gone');
    };
    await expect(dying.announce(notice, [bob], dies)).rejects.toThrow(StoreUnavailable);
    const { messages, told, announce } = open(opened().peer);
    const left = await idsIn(messages, bob);
    expect(left).toHaveLength(1);
    expect(await announce(notice, [bob], things().make(notice))).toBe('made');
    expect(await idsIn(messages, bob)).toEqual(left);
    await eventually(() => expect(told).toEqual(left));
  });

  it('that were acknowledged before their thing was made are followed by others', async () => {
    const bob = freshId('bob');
    const notice = noticeOf(freshId('t'));
    const { messages, announce } = open(opened().store);
    await announce(notice, [bob], dying).catch(() => {});
    const [left = ''] = await idsIn(messages, bob);
    expect(await messages.settle(bob, left, 'acknowledged')).toMatchObject({ ok: true });
    expect(await announce(notice, [bob], things().make(notice))).toBe('made');
    const now = await idsIn(messages, bob);
    expect(now).toHaveLength(1);
    expect(now).not.toContain(left);
  });

  it('are kept away by nobody who takes their id', async () => {
    const [bob, eve] = [freshId('bob'), freshId('eve')];
    const notice = noticeOf(freshId('t'));
    const { messages, announce } = open(opened().store);
    await announce(notice, [bob], dying).catch(() => {});
    const [id = ''] = await idsIn(messages, bob);
    expect(id).toMatch(/^notice-[A-Za-z0-9_-]{43}$/);
    const squatted = { ...notice, thingId: freshId('t') };
    // Another node’s id of that notice, guessed.
    await announce(squatted, [bob], dying).catch(() => {});
    const [, guessed = ''] = await idsIn(messages, bob);
    await messages.settle(bob, guessed, 'rejected', 'eve was here');
    expect(await messages.send(eve, { id: guessed, to_agent_id: bob, type: 'x', payload: 1 })).toMatchObject({
      reason: 'conflict',
    });
    expect(await announce(squatted, [bob], things().make(squatted))).toBe('made');
    expect(await idsIn(messages, bob)).toHaveLength(2);
  });

  it('of a thing that has ended count as acknowledged, also those that were settled before', async () => {
    const [ada, bob] = [freshId('ada'), freshId('bob')];
    const { messages, announce, acknowledge } = open(opened().store);
    const { make, kept } = things();
    const notice = noticeOf(freshId('t'));
    await announce(notice, [ada, bob], make(notice));
    const refs = kept.get(notice.thingId)?.refs ?? [];
    const [adas = '', bobs = ''] = refs.map(({ id }) => id);
    await messages.settle(ada, adas, 'rejected', 'no');
    await acknowledge(refs);
    await acknowledge(refs);
    expect(await idsIn(messages, bob)).toEqual([]);
    expect((await messages.read(adas))?.progress.status).toBe('rejected');
    expect((await messages.read(bobs))?.progress.status).toBe('acknowledged');
    // Its recipient acknowledges it a moment later.
    expect(await messages.settle(bob, bobs, 'acknowledged')).toEqual({ ok: true, isRepeat: true });
  });
});

const dying = async () => {
  throw new StoreUnavailable('the process is gone');
};
