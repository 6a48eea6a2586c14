import { RpcSession, type RpcSessionOptions } from '../../../gateways/rpc/session.ts';
import { type RawSocket, Unavailable } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';

/** A session of an agent, with a store that can be out of reach. */
function open() {
  const store = { isAway: false };
  const sent: unknown[] = [];
  const done: string[] = [];
  const called: unknown[] = [];
  const socket = {
    isOpen: true,
    bufferedBytes: 0,
    send: (text: string) => void sent.push(JSON.parse(text)),
    identify: () => void done.push('identified'),
    close: (code: number) => void done.push(`closed ${code}`),
  };
  const list = {
    requires: 'agent',
    async call(_: object, __: object, params: unknown) {
      called.push(params);
      return { ok: true, result: {} };
    },
  };
  const options = {
    connector: {
      isActive: async () => true,
      read: () => ({ ok: true, params: {} }),
      connect: async () => ({
        ok: true,
        caller: { kind: 'agent', id: 'ada' },
        terms: { ids: [], account: 'agent:ada', onClose: () => void done.push('released') },
      }),
    },
    domain: {
      nowMs: async () => {
        if (store.isAway) throw new Unavailable('out of reach');
        return 1;
      },
    },
    ears: { listen: async () => () => void done.push('stopped') },
    methods: new Map([['agent/message/list', list]]),
    costs: new Map([['agent/message/list', 10]]),
    mayLookUp: () => true,
    log: {},
  };
  const session = new RpcSession(socket as unknown as RawSocket, options as unknown as RpcSessionOptions);
  const connect = (id: number) =>
    session.message(JSON.stringify({ jsonrpc: '2.0', id, method: 'agent/network/connect' }));
  return { session, socket, store, sent, done, called, connect };
}

it('an agent that could not be brought to hear is not connected, and can connect again', async () => {
  const { session, store, sent, done, connect } = open();
  store.isAway = true;
  connect(1);
  await eventually(() => expect(sent).toMatchObject([{ id: 1, error: { code: -32006 } }]));
  expect(done).toEqual(['released']);
  store.isAway = false;
  connect(2);
  await eventually(() => expect(sent.at(-1)).toEqual({ jsonrpc: '2.0', id: 2, result: {} }));
  expect(done).toEqual(['released', 'identified']);
  session.closed();
  expect(done).toEqual(['released', 'identified', 'stopped']);
});

it('a request over the allowance is answered under its id, unless it is long; an answer of the client is not', () => {
  const { session, sent } = open();
  const call = (id: unknown, more = '') => JSON.stringify({ jsonrpc: '2.0', method: 'a', params: { id: 7, more }, id });
  for (const frame of [call('x'), call(1, 'y'.repeat(16_384)), '{"jsonrpc":"2.0","id":0}', '{', new Uint8Array()]) {
    session.refused(5, frame);
  }
  const limited = { error: { code: -32005, data: { retry_after_ms: 5 } } };
  expect(sent).toMatchObject(['x', null, null, null].map((id) => ({ id, ...limited })));
  session.closed();
});

it('a client that may miss notifications is told to connect again', async () => {
  const { session, done, sent, connect } = open();
  connect(1);
  await eventually(() => expect(sent).toHaveLength(1));
  session.missed();
  await eventually(() => expect(done).toContain('closed 1012'));
  session.closed();
});

it('a client that does not read its answers has its next request wait, until it reads or goes', async () => {
  const { session, socket, sent } = open();
  const ask = (id: number) => session.message(JSON.stringify({ jsonrpc: '2.0', id, method: 'none' }));
  const answered = (count: number) => eventually(() => expect(sent).toHaveLength(count));
  ask(1);
  await answered(1);
  socket.bufferedBytes = 100_000;
  ask(2);
  ask(3);
  await new Promise((resolve) => setImmediate(resolve));
  session.drained();
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toHaveLength(1);
  socket.bufferedBytes = 0;
  session.drained();
  await answered(3);
  socket.bufferedBytes = 100_000;
  ask(4);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toHaveLength(3);
  socket.isOpen = false;
  session.closed();
  await answered(4);
});

const padding = 'x'.repeat(8_000);
it.each([
  ['a list', '{"jsonrpc":"2.0","id":1,"method":"agent/message/list"}', 10],
  [
    'a list between much else, in another spelling',
    `{"pad":"${padding}","jsonrpc":"2.0","\\u006dethod":"agent\\/message\\u002flist","id":1,"more":"${padding}"}`,
    10,
  ],
  [
    'a list that begins as a message',
    '{"jsonrpc":"2.0","id":1,"method":"agent/message/send","method":"agent/message/list"}',
    10,
  ],
  [
    'a message with a list in its params',
    '{"jsonrpc":"2.0","id":1,"method":"agent/message/send","params":{"method":"agent/message/list"}}',
    1,
  ],
  ['what is no request', '{"method":"agent/message/list","id":0}', 1],
  ['what is no JSON', '{', 1],
])('%s counts as often as it costs', (_, text, cost) => {
  const { session } = open();
  expect(session.cost(text)).toBe(cost);
  session.closed();
});

it('what counts as several messages is refused where it is too long to be read for that', async () => {
  const { session, sent } = open();
  const ask = (method: string, length: number) => {
    const text = JSON.stringify({ jsonrpc: '2.0', id: length, method, params: {}, more: '' });
    const long = text.replace('"more":""', `"more":"${'x'.repeat(length - text.length)}"`);
    expect(session.cost(long)).toBe(method === 'agent/message/list' && length <= 16_384 ? 10 : 1);
    session.message(long);
  };
  ask('agent/message/list', 16_385);
  ask('agent/message/list', 16_384);
  ask('agent/message/send', 16_385);
  await eventually(() =>
    expect(sent).toMatchObject([
      { id: null, error: { code: -32600 } },
      { id: 16_384, error: { code: -32000 } },
      { id: 16_385, error: { code: -32601 } },
    ]),
  );
  session.closed();
});

it.each([
  ['revoked', 0],
  ['expired', 0],
  ['disconnected', 0],
  ['drain', 2],
  ['too_slow', 2],
] as const)('of requests that wait when a socket ends as %s, %i are carried out', async (cause, count) => {
  const { session, socket, sent, called, connect } = open();
  connect(1);
  await eventually(() => expect(sent).toHaveLength(1));
  socket.bufferedBytes = 100_000;
  for (const id of [2, 3]) session.message(JSON.stringify({ jsonrpc: '2.0', id, method: 'agent/message/list' }));
  await new Promise((resolve) => setImmediate(resolve));
  session.closing(cause);
  socket.isOpen = false;
  session.closed();
  await new Promise((resolve) => setImmediate(resolve));
  expect(called).toHaveLength(count);
});
