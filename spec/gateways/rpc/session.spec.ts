import { RpcSession, type RpcSessionOptions } from '../../../gateways/rpc/session.ts';
import { type RawSocket, Unavailable } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';

/** A session of an agent, with a store that can be out of reach. */
function open() {
  const store = { isAway: false };
  const sent: unknown[] = [];
  const done: string[] = [];
  const socket = {
    isOpen: true,
    send: (text: string) => void sent.push(JSON.parse(text)),
    identify: () => void done.push('identified'),
    close: (code: number) => void done.push(`closed ${code}`),
  };
  const options = {
    connector: {
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
    methods: new Map(),
    mayLookUp: () => true,
    log: {},
  };
  const session = new RpcSession(socket as unknown as RawSocket, options as unknown as RpcSessionOptions);
  const connect = (id: number) =>
    session.message(JSON.stringify({ jsonrpc: '2.0', id, method: 'agent/network/connect' }));
  return { session, store, sent, done, connect };
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
