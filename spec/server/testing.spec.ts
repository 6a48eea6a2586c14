import { spawnSync } from 'node:child_process';
import { Type } from 'typebox';
import { createPresence, presencePushes } from '../../presence/index.ts';
import * as aerie from '../../server/index.ts';
import { type TestClient, testChannel } from '../../server/testing.ts';

const any = aerie.anyPayload;
const Text = Type.Object({ text: Type.String() });
const ended: string[] = [];

const room = aerie.channelsFor<{ user: string }>()({
  topic: 'room:*',
  events: { say: Text, whisper: any, bytes: aerie.binaryPayload, soon: any, wrong: any, odd: any, fail: any, end: any },
  pushes: {
    ...presencePushes,
    said: Type.Object({ by: Type.String(), text: Type.String() }),
    raw: aerie.binaryPayload,
  },
  signals: { whispered: Type.Object({ to: Type.String(), text: Type.String() }) },
  join({ id, assigns, params }) {
    if (id === 'closed') return aerie.refuse('unauthorized', { id });
    if (id === 'broken') throw new Error('the join is broken');
    return aerie.accept({ count: 0 }, { room: id, user: assigns.user, params });
  },
  joined(socket) {
    presence.follow(socket);
    socket.pushSnapshot('presence_state', presence.state(socket.topic));
    presence.track(socket, socket.assigns.user, {});
  },
  on: {
    say({ text }, socket) {
      socket.assign({ count: socket.assigns.count + 1 });
      socket.broadcastOthers('said', { by: socket.assigns.user, text });
      return aerie.reply({ count: socket.assigns.count });
    },
    whisper: (payload, socket) => socket.broadcast('whispered', payload as { to: string; text: string }),
    bytes: (payload, socket) => socket.push('raw', payload),
    soon: () => aerie.later(Promise.resolve(aerie.refuse('too_early'))),
    wrong: (_, socket) => socket.push('said', { by: socket.assigns.user } as never),
    odd: (_, socket) => socket.broadcast('sed' as never, {} as never),
    fail() {
      throw new Error('the handler is broken');
    },
    end: () => aerie.stop(),
  },
  intercept: {
    whispered({ to, text }, socket) {
      if (socket.assigns.user === to) socket.push('said', { by: 'somebody', text });
    },
  },
  terminate: (reason, { assigns }) => void ended.push(`${assigns.user} ${reason}`),
});

const hub = new aerie.Hub();
const presence = createPresence({ hub, diffIntervalMs: 0 });
let ada: TestClient<{ user: string }>;
let bob: TestClient<{ user: string }>;
beforeEach(() => {
  ended.length = 0;
  ada = testChannel(room, { hub, assigns: { user: 'ada' }, withinMs: 200 });
  bob = ada.another({ assigns: { user: 'bob' } });
});
const join = () => Promise.all([ada, bob].map((each) => each.join('room:1')));

describe('a channel without a network', () => {
  it('answers a join with what the client would get', async () => {
    expect(await ada.join('room:1', { a: 1 })).toEqual({ room: '1', user: 'ada', params: { a: 1 } });
  });

  it('refuses a join with what the client would get', async () => {
    await expect(ada.join('room:closed')).rejects.toMatchObject({
      name: 'JoinRefused',
      response: { reason: 'unauthorized', message: 'Unauthorized.', details: { id: 'closed' } },
    });
    await expect(ada.join('room:broken')).rejects.toMatchObject({ cause: new Error('the join is broken') });
    await expect(ada.join('hall:1')).rejects.toMatchObject({ response: { reason: 'unmatched topic' } });
  });

  it('replies, keeps what it assigned, and tells the others', async () => {
    await join();
    expect(await ada.expectReply(ada.push('say', { text: 'hi' }))).toEqual({ count: 1 });
    await ada.expectReply(ada.push('say', { text: 'ho' }), 'ok', { count: 2 });
    await ada.expectBroadcast('said', { text: 'hi' });
    expect(await bob.expectPush('said')).toEqual({ by: 'ada', text: 'hi' });
    await bob.expectPush('said', { text: 'ho' });
    await expect(ada.expectPush('said')).rejects.toThrow('expected the push said');
  });

  it('checks what is sent, as a server does', async () => {
    await join();
    await ada.expectReply(ada.push('say', { text: 7 }), 'error', { reason: 'invalid_payload' });
    await ada.expectReply(ada.push('soon'), 'error', { reason: 'too_early', message: 'Too early.' });
    await ada.expectReply(ada.push('unheard'), 'error', { reason: 'unknown_event' });
  });

  it('takes and gives bytes', async () => {
    await join();
    ada.push('bytes', new Uint8Array([0, 200]));
    expect(await ada.expectPush('raw')).toEqual(new Uint8Array([0, 200]));
  });

  it('has signals come to intercept, and presence to all', async () => {
    await join();
    ada.push('whisper', { to: 'bob', text: 'psst' });
    await bob.expectPush('said', { by: 'somebody', text: 'psst' });
    await ada.expectBroadcast('whispered', { to: 'bob' });
    await ada.expectPush('presence_state');
    await ada.expectPush('presence_diff', { joins: { bob: {} } });
    bob.disconnect();
    await ada.expectPush('presence_diff', { leaves: { bob: {} } });
  });

  it('takes a broadcast from outside', async () => {
    await join();
    ada.broadcast('room:1', 'said', { by: 'the server', text: 'hear, hear' });
    await bob.expectPush('said', { by: 'the server' });
  });

  it('ends as it would', async () => {
    await join();
    bob.push('end');
    await bob.expectEnd('phx_close');
    await ada.leave();
    ada.push('say');
    expect(ended).toEqual(['bob stopped', 'ada left']);
  });
});

describe('an expectation that is not met', () => {
  it.each([
    ['a push of another form', 'wrong', '"said" of "room:*": the payload must have text'],
    ['a broadcast that is not declared', 'odd', '"sed" of "room:*": is not declared: add it to pushes'],
  ])('says so of %s', async (_, event, said) => {
    await join();
    ada.push(event);
    await expect(ada.expectPush('presence_state')).rejects.toThrow(
      `the channel sent what it does not declare: ${said}`,
    );
  });

  it('says what came instead, and what a handler threw', async () => {
    await join();
    const reply = ada.push('say', { text: 'hi' });
    await expect(ada.expectReply(reply, 'ok', { count: 7 })).rejects.toThrow(
      'expected the reply ok {"count":7}, got ok {"count":1}',
    );
    await expect(ada.expectBroadcast('said', { text: 'ho' })).rejects.toThrow(
      'expected the broadcast said {"text":"ho"}, but there was: {"event":"said","payload":{"by":"ada","text":"hi"}}',
    );
    const failing = ada.push('fail');
    const error = await ada.expectReply(failing).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /expected a reply to push \d+, but .*a handler threw: Error: the handler is broken/,
      ),
      cause: new Error('the handler is broken'),
    });
  });

  it('says that a join comes first', () => {
    expect(() => ada.push('say')).toThrow('push of "say" before a join: call join(topic) first');
  });
});

it('loads no native code', () => {
  const program = `
    await import('./dist/server/testing.js');
    const native = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'));
    if (native.length > 0) throw new Error(native.join());
  `;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
