import { Type } from 'typebox';
import * as aerie from '../../../server/index.ts';
import { frameworkRefusal } from '../../../server/refusal.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { connect, type SocketClient } from '../../support/frames.ts';

interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

function gate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

let gates: { join: Gate; work: Gate };
let ended: string[];

const desk = aerie.channel({
  topic: 'desk:*',
  params: {
    authorize: ({ id }) => (id === 'locked' ? { ok: false, reason: 'unauthorized', message: 'No.' } : aerie.grant()),
    schema: Type.Object({ wait: Type.Optional(Type.Boolean()), refuse: Type.Optional(Type.String()) }),
  },
  events: {
    add: Type.Object({
      left: Type.Number(),
      right: Type.Optional(Type.Number()),
      note: Type.Optional(Type.Object({ text: Type.Optional(Type.String()) })),
      free: Type.Optional(Type.Unknown()),
    }),
    work: Type.Object({}),
    work_aside: Type.Object({}),
    owe: Type.Object({ fails: Type.Optional(Type.Boolean()) }),
    fail: Type.Object({ soon: Type.Boolean() }),
    tell: Type.Object({}),
    bytes: aerie.binaryPayload,
  },
  async join({ id, params, socket }) {
    socket.onEnd((reason) => ended.push(`${id} ended: ${reason}`));
    if (params.wait) await gates.join.opened;
    if (params.refuse === 'form') return aerie.errorReply({ any: 'form' });
    if (params.refuse) return { ok: false, reason: params.refuse, message: 'No.', details: { id } };
    return aerie.accept({ desk: id }, { desk: id }, { without: id === 'quiet' ? ['told'] : [] });
  },
  on: {
    add: ({ left, right = 0, note, free }) => aerie.reply({ sum: left + right, note, free }),
    async work() {
      await gates.work.opened;
      return aerie.reply({ work: 'done' });
    },
    work_aside: () => aerie.later(gates.work.opened.then(() => aerie.reply({ work: 'done' }))),
    owe: ({ fails }) =>
      aerie.later(
        gates.work.opened.then(() => {
          if (fails) throw new Error('owed');
          return aerie.reply({ work: 'owed' });
        }),
        { leaveWaits: true },
      ),
    fail({ soon }) {
      if (soon) throw new Error('at once');
      return aerie.later(Promise.reject(new Error('later')));
    },
    tell(_, socket) {
      socket.broadcast('told', { by: socket.assigns.desk });
    },
    bytes: (payload) => aerie.reply({ length: payload.length }),
  },
  terminate: (reason, socket) => void ended.push(`${socket.assigns.desk} terminated: ${reason}`),
});

const open = aerie.socket({ connect: () => aerie.connected({}), channels: [desk] });

let served: Served;
let client: SocketClient;
let ref: number;

beforeEach(async () => {
  gates = { join: gate(), work: gate() };
  ended = [];
  ref = 100;
  served = await serve(open, { onFault: (error) => frameworkRefusal('rate_limited', { was: String(error) }) });
  client = await connect(served.socketUrl);
});
afterEach(() => served.close());

const say = (topic: string, event: string, payload: unknown = {}) =>
  client.send(JSON.stringify(['1', `${++ref}`, topic, event, payload]));
const heard = async () => JSON.parse(String(await client.next())) as [string, string, string, string, never];
/** The response of the next reply, whatever its status. */
const answer = async () => ((await heard())[4] as { response: unknown }).response;

async function join(topic: string, params: object = {}) {
  await say(topic, 'phx_join', params);
  expect(await answer()).toEqual({ desk: topic.slice('desk:'.length) });
}

describe('typed events', () => {
  beforeEach(() => join('desk:1'));

  it('reach the handler as the schema says, with null fields counted as absent', async () => {
    await say('desk:1', 'add', { left: 1, right: null, note: { text: null }, free: { kept: null }, unknown: 1 });
    expect(await answer()).toEqual({ sum: 1, note: {}, free: { kept: null } });
  });

  it.each([
    ['a missing field', {}, ''],
    ['a null where a value is needed', { left: null }, ''],
    ['another type', { left: '1' }, '/left'],
    ['another type inside', { left: 1, note: { text: 7 } }, '/note/text'],
    ['no object', [1], ''],
    ['an unpaired surrogate', { left: 1, free: ['\ud800'] }, '/free/0'],
    ['a key with an unpaired surrogate', { left: 1, free: { '\udc00': 1 } }, '/free'],
  ])('answer invalid_payload to %s and say where', async (_what, payload, path) => {
    await say('desk:1', 'add', payload);
    expect(await answer()).toMatchObject({
      reason: 'invalid_payload',
      details: [{ path, message: expect.any(String) }],
    });
  });

  it('take 64 levels of nesting and refuse 65', async () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    await say('desk:1', 'add', { left: 1, free: nested(63) });
    expect(await answer()).toMatchObject({ sum: 1 });
    await say('desk:1', 'add', { left: 1, free: nested(64) });
    expect(await answer()).toMatchObject({ reason: 'invalid_payload' });
  });

  it('refuse a number that JSON cannot write back', async () => {
    await client.send('["1","9","desk:1","add",{"left":1e999}]');
    expect(await answer()).toMatchObject({ reason: 'invalid_payload', details: [{ path: '/left' }] });
  });

  it('keep bytes and JSON apart', async () => {
    await client.sendBinary(Buffer.concat([Buffer.from([0, 1, 1, 6, 3]), Buffer.from('12desk:1add')]));
    expect(await answer()).toMatchObject({ reason: 'invalid_payload' });
    await client.sendBinary(
      Buffer.concat([Buffer.from([0, 1, 1, 6, 5]), Buffer.from('12desk:1bytes'), Buffer.alloc(3)]),
    );
    expect(await answer()).toEqual({ length: 3 });
    await say('desk:1', 'bytes', {});
    expect(await answer()).toMatchObject({ reason: 'invalid_payload' });
  });

  it.each(['nope', 'phx_reply', 'phx_close', 'presence_diff', 'constructor', '__proto__', 'toString'])(
    'answer unknown_event to %s, which nobody else hears',
    async (event) => {
      await say('desk:1', event);
      expect(await answer()).toMatchObject({ reason: 'unknown_event' });
      await say('desk:1', 'add', { left: 1 });
      expect(await answer()).toEqual({ sum: 1 });
    },
  );
});

describe('a message whose parts are no strings', () => {
  const odd = ['5', 'null', '[1]', '{"toString":1,"valueOf":1}', '{"a":{"b":[[]]}}'];

  it.each(odd)('%s as event is one that the channel does not have, busy or not', async (event) => {
    await join('desk:1');
    await client.send(`["1","7","desk:1",${event},{}]`);
    expect(await answer()).toMatchObject({ reason: 'unknown_event' });
    await say('desk:1', 'work');
    await client.send(`["1","8","desk:1",${event},{}]`);
    gates.work.open();
    expect(await answer()).toEqual({ work: 'done' });
    expect(await answer()).toMatchObject({ reason: 'unknown_event' });
  });

  it.each(odd)('%s as topic is unmatched, and left without a complaint', async (topic) => {
    await client.send(`["1","7",${topic},"phx_join",{}]`);
    expect(await answer()).toEqual({ reason: 'unmatched topic' });
    await client.send(`["1","8",${topic},"phx_leave",{}]`);
    expect(await answer()).toEqual({});
  });

  it('nested beyond reason ends that connection alone', async () => {
    const other = await connect(served.socketUrl);
    await client.send(`["1","1","desk:1",${'['.repeat(100)}${']'.repeat(100)},{}]`);
    expect((await client.closed()).code).toBe(1011);
    await other.send('["1","1","desk:1","phx_join",{}]');
    expect(String(await other.next())).toContain('"ok"');
  });
});

describe('a refused join', () => {
  it.each(['not_found', 'unauthorized', 'forbidden'])(
    'for %s is final: phx_close stops the stock client',
    async (reason) => {
      await say('desk:1', 'phx_join', { refuse: reason });
      const response = { reason, message: 'No.', details: { id: '1' } };
      expect(await heard()).toEqual(['1', '101', 'desk:1', 'phx_reply', { status: 'error', response }]);
      expect(await heard()).toEqual(['1', '1', 'desk:1', 'phx_close', {}]);
      await say('desk:1', 'add', { left: 1 });
      expect(await answer()).toEqual({ reason: 'unmatched topic' });
      expect(ended).toEqual(['1 ended: stopped']);
    },
  );

  it('for a passing reason, or with a response of another form, leaves the client to try again', async () => {
    await say('desk:1', 'phx_join', { refuse: 'unavailable' });
    expect(await answer()).toMatchObject({ reason: 'unavailable' });
    await say('desk:1', 'phx_join', { refuse: 'form' });
    expect(await answer()).toEqual({ any: 'form' });
    await join('desk:1');
  });

  it('is refused for good before its parameters are looked at', async () => {
    await say('desk:locked', 'phx_join', { wait: 'yes' });
    expect(await answer()).toMatchObject({ reason: 'unauthorized' });
    expect((await heard())[3]).toBe('phx_close');
  });

  it('with parameters that do not fit is invalid_payload', async () => {
    await say('desk:1', 'phx_join', { wait: 'yes' });
    expect(await answer()).toMatchObject({ reason: 'invalid_payload', details: [{ path: '/wait' }] });
  });
});

describe('order', () => {
  it('events wait for a join that takes its time, those of other topics do not', async () => {
    await say('desk:1', 'phx_join', { wait: true });
    await say('desk:1', 'add', { left: 1 });
    await join('desk:2');
    gates.join.open();
    expect(await answer()).toEqual({ desk: '1' });
    expect(await answer()).toEqual({ sum: 1 });
  });

  it('a join behind a join waits for it and then takes its place', async () => {
    await say('desk:1', 'phx_join', { wait: true });
    await client.send('["2","2","desk:1","phx_join",{}]');
    gates.join.open();
    const events = [await heard(), await heard(), await heard()].map(([joinRef, , , event]) => `${joinRef} ${event}`);
    expect(events).toEqual(['1 phx_reply', '2 phx_reply', '1 phx_close']);
  });

  it('what waits behind such a join reaches the new channel', async () => {
    await say('desk:1', 'phx_join', { wait: true });
    await client.send('["2","2","desk:1","phx_join",{}]');
    await client.send('["2","3","desk:1","add",{"left":5}]');
    await client.send('["3","4","desk:1","phx_join",{}]');
    await client.send('["3","5","desk:1","add",{"left":6}]');
    gates.join.open();
    const heardAll: string[] = [];
    for (let i = 0; i < 7; i++) {
      const [joinRef, , , event, payload] = await heard();
      const { sum } = ((payload as { response?: { sum?: number } }).response ?? {}) as { sum?: number };
      heardAll.push(`${joinRef} ${event}${sum === undefined ? '' : ` ${sum}`}`);
    }
    expect(heardAll).toEqual([
      '1 phx_reply',
      '2 phx_reply',
      '1 phx_close',
      '2 phx_reply 5',
      '3 phx_reply',
      '2 phx_close',
      '3 phx_reply 6',
    ]);
  });

  it('a leave meant for a join that still waits is not lost', async () => {
    await say('desk:1', 'phx_join', { wait: true });
    await client.send('["2","2","desk:1","phx_join",{}]');
    await client.send('["2","3","desk:1","phx_leave",{}]');
    await client.send('["1","4","desk:1","add",{"left":1}]');
    gates.join.open();
    const events: string[] = [];
    for (let i = 0; i < 6; i++) {
      const [joinRef, ref, , event] = await heard();
      events.push(`${joinRef} ${ref} ${event}`);
    }
    expect(events).toEqual([
      '1 101 phx_reply',
      '2 2 phx_reply',
      '1 1 phx_close',
      '2 3 phx_reply',
      '2 2 phx_close',
      'null 4 phx_reply',
    ]);
  });

  it('events wait for an async handler', async () => {
    await join('desk:1');
    await say('desk:1', 'work');
    await say('desk:1', 'add', { left: 1 });
    await join('desk:2');
    gates.work.open();
    expect(await answer()).toEqual({ work: 'done' });
    expect(await answer()).toEqual({ sum: 1 });
  });

  it('events overtake an answer that comes later', async () => {
    await join('desk:1');
    await say('desk:1', 'work_aside');
    await say('desk:1', 'add', { left: 1 });
    expect(await answer()).toEqual({ sum: 1 });
    gates.work.open();
    expect(await answer()).toEqual({ work: 'done' });
  });

  it('what waits is bounded, and what is too much is answered', async () => {
    await join('desk:1');
    await say('desk:1', 'work');
    for (let i = 0; i < 101; i++) await say('desk:1', 'add', { left: i });
    expect(await answer()).toMatchObject({ reason: 'rate_limited', details: { retry_after_ms: expect.any(Number) } });
    gates.work.open();
    expect(await answer()).toEqual({ work: 'done' });
    for (let i = 0; i < 100; i++) expect(await answer()).toEqual({ sum: i });
  });

  it('a leave waits for what came before it, and drops answers that were still to come', async () => {
    await join('desk:1');
    await say('desk:1', 'work_aside');
    await say('desk:1', 'phx_leave');
    expect(await answer()).toEqual({});
    expect((await heard())[3]).toBe('phx_close');
    gates.work.open();
    await join('desk:1');
  });
});

describe('a leave', () => {
  const events = async (count: number) => {
    const all: string[] = [];
    for (let i = 0; i < count; i++) {
      const [joinRef, ref, , event, payload] = await heard();
      all.push(`${joinRef} ${ref} ${event} ${JSON.stringify((payload as { response?: object }).response)}`);
    }
    return all;
  };
  const send = (...frames: string[]) => Promise.all(frames.map((frame) => client.send(frame)));

  // The leave was answered, and the replies that were still to come were dropped though the work was done.
  it('waits for the answers that it is told to wait for, and what comes behind it waits for the leave', async () => {
    await join('desk:1');
    await send(
      '["1","2","desk:1","owe",{}]',
      '["1","3","desk:1","owe",{"fails":true}]',
      '["1","4","desk:1","add",{"left":1}]',
      '["1","5","desk:1","phx_leave",{}]',
      '["1","6","desk:1","add",{"left":2}]',
      '["7","7","desk:1","phx_join",{}]',
      '["7","8","desk:1","add",{"left":3}]',
      '["1","9","desk:2","phx_join",{}]',
    );
    expect(await events(2)).toEqual(['1 4 phx_reply {"sum":1}', '1 9 phx_reply {"desk":"2"}']);
    gates.work.open();
    const [owed, failed, ...rest] = await events(7);
    expect(owed).toBe('1 2 phx_reply {"work":"owed"}');
    expect(failed).toMatch(/^1 3 phx_reply .*Error: owed/);
    expect(rest).toEqual([
      '1 5 phx_reply {}',
      '1 1 phx_close undefined',
      'null 6 phx_reply {"reason":"unmatched topic"}',
      '7 7 phx_reply {"desk":"1"}',
      '7 8 phx_reply {"sum":3}',
    ]);
  });

  it('is carried out before a join behind it, also when a handler is under way', async () => {
    await join('desk:1');
    await send('["1","2","desk:1","work",{}]', '["1","3","desk:1","phx_leave",{}]', '["4","4","desk:1","phx_join",{}]');
    await join('desk:2');
    gates.work.open();
    expect(await events(4)).toEqual([
      '1 2 phx_reply {"work":"done"}',
      '1 3 phx_reply {}',
      '1 1 phx_close undefined',
      '4 4 phx_reply {"desk":"1"}',
    ]);
  });

  it('is kept where nothing else may wait any more', async () => {
    await join('desk:1');
    await say('desk:1', 'work');
    for (let i = 0; i < 100; i++) await client.send(`["1","2","desk:1","add",{"left":${i}}]`);
    await send('["1","3","desk:1","phx_leave",{}]', '["1","4","desk:1","phx_leave",{}]');
    expect((await events(1))[0]).toMatch(/^1 4 .*rate_limited/);
    gates.work.open();
    expect((await events(103)).slice(-2)).toEqual(['1 3 phx_reply {}', '1 1 phx_close undefined']);
  });

  it('is given up with its connection', async () => {
    await join('desk:1');
    await send('["1","2","desk:1","owe",{}]', '["1","3","desk:1","phx_leave",{}]');
    await join('desk:2');
    await client.close();
    gates.work.open();
    client = await connect(served.socketUrl);
    await join('desk:3');
    expect(ended.filter((line) => line.startsWith('1'))).toEqual(['1 terminated: closed', '1 ended: closed']);
  });

  it.each(['owe', 'work'])('waits so long and no longer for an answer that never comes (%s)', async (event) => {
    served.close();
    served = await serve(open, { limits: { maxLeaveDelayMs: 50 } });
    client = await connect(served.socketUrl);
    await join('desk:1');
    await send(
      `["1","2","desk:1","${event}",{}]`,
      '["1","3","desk:1","phx_leave",{}]',
      '["4","4","desk:1","phx_join",{}]',
    );
    expect(await events(3)).toEqual(['1 3 phx_reply {}', '1 1 phx_close undefined', '4 4 phx_reply {"desk":"1"}']);
    gates.work.open();
    await client.send('["4","5","desk:1","add",{"left":1}]');
    expect(await events(1)).toEqual(['4 5 phx_reply {"sum":1}']);
  });
});

describe('a handler that throws', () => {
  it.each([true, false])('is answered as onFault says, and the channel goes on (at once: %s)', async (soon) => {
    await join('desk:1');
    await say('desk:1', 'fail', { soon });
    expect(await answer()).toMatchObject({ details: { was: `Error: ${soon ? 'at once' : 'later'}` } });
    await say('desk:1', 'add', { left: 1 });
    expect(await answer()).toEqual({ sum: 1 });
    expect(served.endpoint.stats.faults).toBe(1);
  });
});

describe('the end of a connection', () => {
  it('terminates its channels', async () => {
    await join('desk:1');
    await client.close();
    expect(ended).toEqual(['1 terminated: closed', '1 ended: closed']);
  });

  it('ends a join that is under way, which then neither joins nor terminates', async () => {
    await say('desk:1', 'phx_join', { wait: true });
    await join('desk:2');
    await client.close();
    gates.join.open();
    client = await connect(served.socketUrl);
    await join('desk:2');
    expect(ended).toEqual(['1 ended: closed', '2 terminated: closed', '2 ended: closed']);
    expect(served.endpoint.stats.joins).toBe(2);
  });
});

it('a member does not get the broadcasts that it was accepted without', async () => {
  const other = await connect(served.socketUrl);
  await other.send('["1","1","desk:quiet","phx_join",{}]');
  await other.next();
  await join('desk:quiet');
  await say('desk:quiet', 'tell');
  await say('desk:quiet', 'add', { left: 1 });
  expect(await answer()).toEqual({ sum: 1 });
  await join('desk:loud');
  await say('desk:loud', 'tell');
  expect(await heard()).toEqual([null, null, 'desk:loud', 'told', { by: 'loud' }]);
});
