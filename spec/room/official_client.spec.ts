import { type AddressInfo, createServer, type Socket as NetSocket } from 'node:net';
import type { Channel, Presence, Push, PushStatus, Socket, SocketConnectOption } from 'phoenix';
import WebSocket from 'ws';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/frames.ts';
import { proxyTo } from '../support/proxy.ts';
import { useRoom } from '../support/room_server.ts';
import { forgetStrayTimers } from './stray_timers.ts';
import { XMLHttpRequest } from './xml_http_request.ts';

type Phoenix = typeof import('phoenix');
type Transport = SocketConnectOption['transport'];
type Json = Record<string, unknown>;

// What the oldest version looks for its globals in; it has to be there when it is loaded.
Object.assign(globalThis, { self: globalThis });

const versions = [
  { version: '1.7.21', from: 'phoenix-1.7.21', transports: ['WebSocket', 'LongPoll with XMLHttpRequest'] },
  { version: '1.8.1', from: 'phoenix-1.8.1', transports: ['WebSocket', 'LongPoll with fetch'] },
  { version: '1.8.9', from: 'phoenix-1.8.9', transports: ['WebSocket', 'LongPoll with fetch'] },
  {
    version: 'newest',
    from: 'phoenix',
    transports: ['WebSocket', 'LongPoll with fetch', 'LongPoll with XMLHttpRequest'],
  },
];

const room = useRoom();
forgetStrayTimers();
const open: Socket[] = [];
const stops: (() => Promise<unknown>)[] = [];
let topics = 0;
const newTopic = () => `room:official-${process.pid}-${++topics}`;

afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => new Promise<void>((resolve) => socket.disconnect(resolve))));
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

for (const { version, from, transports } of versions)
  for (const transport of transports)
    describe(`phoenix ${version} over ${transport}`, () => speaks(version, from, transport));

function speaks(version: string, from: string, transportName: string) {
  let phoenix: Phoenix;
  let transport: Transport;
  const overWebSocket = transportName === 'WebSocket';

  beforeAll(async () => {
    phoenix = (await import(from)) as Phoenix;
    transport = overWebSocket ? WebSocket : phoenix.LongPoll;
    const xhr = transportName.endsWith('XMLHttpRequest') ? XMLHttpRequest : undefined;
    Object.assign(globalThis, { XMLHttpRequest: xhr });
  });

  const connect = (options: Partial<SocketConnectOption> = {}, url = room.url) => {
    const socket = new phoenix.Socket(`${url.replace(/^http/, 'ws')}/socket`, {
      transport,
      timeout: 3_000,
      reconnectAfterMs: () => 30,
      rejoinAfterMs: () => 30,
      ...options,
    });
    open.push(socket);
    socket.connect();
    return socket;
  };

  const joined = async (topic: string, params: object = {}, socket = connect()) => {
    const channel = socket.channel(topic, params);
    expect(await answer(channel.join(), 'ok')).toEqual({ room: topic });
    return channel;
  };

  it('joins, and gets replies, errors and time-outs', async () => {
    const channel = await joined(newTopic());
    expect(await answer(channel.push('echo', { a: [1, 'é😀'] }), 'ok')).toEqual({ a: [1, 'é😀'] });
    expect(await answer(channel.push('echo_status', {}), 'ok')).toEqual({});
    expect(await answer(channel.push('echo_error', { no: true }), 'error')).toEqual({ no: true });
    await answer(channel.push('ignored', {}, 50), 'timeout');
  });

  it('is refused, and joins later with other params', async () => {
    const socket = connect();
    const topic = newTopic();
    const params: Json = { deny: true };
    const channel = socket.channel(topic, () => params);
    const replies: unknown[] = [];
    channel
      .join()
      .receive('error', (reason) => {
        replies.push(reason);
        delete params.deny;
      })
      .receive('ok', (response) => replies.push(response));
    await eventually(() => expect(replies).toEqual([{ reason: 'unauthorized' }, { room: topic }]));
  });

  it('gets broadcasts and pushes', async () => {
    const topic = newTopic();
    const [one, two] = [await joined(topic), await joined(topic)];
    const heard: unknown[] = [];
    for (const event of ['shout', 'shout_from', 'pushed', 'tagged'])
      collect(two, event, heard, (payload) => [event, payload]);
    const own: unknown[] = [];
    for (const event of ['shout', 'shout_from']) collect(one, event, own, (payload) => [event, payload]);
    one.push('shout', { n: 1 });
    one.push('shout_from', { n: 2 });
    one.push('tag', { n: 3 });
    await answer(one.push('echo', {}), 'ok');
    await eventually(() => expect(heard).toHaveLength(3));
    two.push('push_me', { n: 4 });
    await eventually(() => expect(heard).toHaveLength(4));
    expect(heard).toEqual([
      ['shout', { n: 1 }],
      ['shout_from', { n: 2 }],
      ['tagged', { n: 3, to: null }],
      ['pushed', { n: 4 }],
    ]);
    expect(own).toEqual([['shout', { n: 1 }]]);
  });

  it('sends 250 pushes at once, in order', async () => {
    const channel = await joined(newTopic());
    const heard: number[] = [];
    channel.on('pushed', ({ n }: { n: number }) => {
      heard.push(n);
    });
    const sent = Array.from({ length: 250 }, (_, n) => n);
    // until 1.8.1 it posts batches of any size, of which a server handles the first 100 messages
    const batch = !overWebSocket && ['1.7.21', '1.8.1'].includes(version) ? 100 : 250;
    for (let from = 0; from < sent.length; from += batch) {
      for (const n of sent.slice(from, from + batch)) channel.push('push_me', { n });
      await eventually(() => expect(heard).toHaveLength(Math.min(sent.length, from + batch)));
    }
    expect(heard).toEqual(sent);
  });

  it('sees who comes and goes', async () => {
    const topic = newTopic();
    const here = connect().channel(topic, { name: 'ann' });
    const presence = new phoenix.Presence(here);
    const seen = watch(presence);
    await answer(here.join(), 'ok');
    await eventually(() => expect(statuses(presence)).toEqual(['ann online']));
    expect(seen.joins).toEqual(['ann first']);

    const other = await joined(topic, { name: 'bob' });
    await eventually(() => expect(statuses(presence)).toEqual(['ann online', 'bob online']));
    const again = await joined(topic, { name: 'bob' });
    await eventually(() => expect(statuses(presence)).toEqual(['ann online', 'bob online online']));
    expect(seen.joins).toEqual(['ann first', 'bob first', 'bob again']);

    await answer(again.push('update_meta', { status: 'away' }), 'ok');
    await eventually(() => expect(statuses(presence)).toEqual(['ann online', 'bob away online']));
    await answer(other.leave(), 'ok');
    await eventually(() => expect(statuses(presence)).toEqual(['ann online', 'bob away']));
    await answer(again.leave(), 'ok');
    await eventually(() => expect(statuses(presence)).toEqual(['ann online']));
    expect(seen.leaves.at(-1)).toBe('bob gone');
    expect(seen.syncs).toBeGreaterThan(3);
  });

  it('leaves, and joins again with another channel', async () => {
    const socket = connect();
    const topic = newTopic();
    const channel = await joined(topic, {}, socket);
    let closes = 0;
    channel.onClose(() => {
      closes++;
    });
    await answer(channel.leave(), 'ok');
    await eventually(() => expect([closes, channel.state]).toEqual([1, 'closed']));
    const next = await joined(topic, {}, socket);
    expect(await answer(next.push('echo', { a: 1 }), 'ok')).toEqual({ a: 1 });
    expect(closes).toBe(1);
  });

  it('is told that the channel stopped, and does not join again', async () => {
    const channel = await joined(newTopic());
    let closes = 0;
    channel.onClose(() => {
      closes++;
    });
    expect(await answer(channel.push('stop', {}), 'ok')).toEqual({ bye: true });
    await eventually(() => expect([closes, channel.state]).toEqual([1, 'closed']));
  });

  it('joins again after a crash', async () => {
    const channel = connect().channel(newTopic(), {});
    const { joins, errors } = lives(channel);
    await eventually(() => expect(joins()).toBe(1));
    channel.push('crash', {});
    await eventually(() => expect([joins(), errors()]).toEqual([2, 1]));
    expect(await answer(channel.push('echo', { a: 1 }), 'ok')).toEqual({ a: 1 });
  });

  it('replaces a channel on the same topic', async () => {
    const socket = connect();
    const topic = newTopic();
    const first = await joined(topic, {}, socket);
    let closes = 0;
    first.onClose(() => {
      closes++;
    });
    const second = await joined(topic, {}, socket);
    await eventually(() => expect([closes, first.state]).toEqual([1, 'closed']));
    expect(second.state).toBe('joined');
    const heard: unknown[] = [];
    collect(second, 'shout', heard);
    second.push('shout', { a: 1 });
    expect(await answer(second.push('echo', { a: 1 }), 'ok')).toEqual({ a: 1 });
    await eventually(() => expect(heard).toEqual([{ a: 1 }]));
  });

  it('connects and joins again when the server disconnects it', async () => {
    const user = `user-${newTopic()}`;
    const socket = connect({ params: { user_id: user } });
    const codes: number[] = [];
    socket.onClose(({ code }: { code: number }) => {
      codes.push(code);
    });
    const channel = socket.channel(newTopic(), {});
    const { joins } = lives(channel);
    await eventually(() => expect(joins()).toBe(1));
    const query = new URLSearchParams({ topic: `room_socket:${user}`, event: 'disconnect' });
    await request('POST', `${room.url}/broadcast?${query}`, {
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    await eventually(() => expect(joins()).toBe(2));
    // over long poll its own codes: the session is gone, or the poll that waited failed
    expect(overWebSocket ? [1001] : [3410, 1011]).toContain(codes[0]);
    expect(await answer(channel.push('echo', { a: 1 }), 'ok')).toEqual({ a: 1 });
  });

  it('connects and joins again when the connection drops', async () => {
    const { hostname, port } = new URL(room.url);
    const proxy = await proxyTo({ host: hostname, port: Number(port) }, 'http');
    stops.push(proxy.stop);
    const socket = connect({}, proxy.url);
    const channel = socket.channel(newTopic(), {});
    const { joins } = lives(channel);
    await eventually(() => expect(joins()).toBe(1));
    proxy.cut();
    await eventually(() => expect(channel.state).toBe('errored'));
    proxy.heal();
    await eventually(() => expect(joins()).toBe(2));
    expect(await answer(channel.push('echo', { a: 1 }), 'ok')).toEqual({ a: 1 });
  });

  it('sends its params, and buffers what is pushed before it is connected', async () => {
    const socket = connect({ params: { user_id: 'a b+c/é&d' } });
    const channel = socket.channel(newTopic(), {});
    channel.join();
    expect(await answer(channel.push('whoami', {}), 'ok')).toEqual({
      user_id: 'a b+c/é&d',
      auth_token: null,
      transport: overWebSocket ? 'websocket' : 'longpoll',
    });
  });

  it('pings', async () => {
    const socket = connect();
    await joined(newTopic(), {}, socket);
    await new Promise<void>((resolve) => expect(socket.ping(() => resolve())).toBe(true));
  });

  if (version !== '1.7.21')
    it('sends its authToken', async () => {
      const channel = await joined(newTopic(), {}, connect({ authToken: 'sekret ~ 1' }));
      expect(await answer(channel.push('whoami', {}), 'ok')).toMatchObject({ auth_token: 'sekret ~ 1' });
    });

  if (overWebSocket) {
    it('carries binary payloads both ways', async () => {
      const topic = newTopic();
      const [one, two] = [await joined(topic), await joined(topic)];
      const bytes = Uint8Array.from({ length: 300 }, (_, at) => at % 256);
      expect(bytesOf(await answer(one.push('echo', bytes.buffer), 'ok'))).toEqual(bytes);
      expect(bytesOf(await answer(one.push('echo_error', bytes.buffer), 'error'))).toEqual(bytes);
      const heard: unknown[] = [];
      collect(two, 'bin_shout', heard);
      collect(two, 'pushed', heard);
      one.push('bin_shout', bytes.buffer);
      await eventually(() => expect(heard).toHaveLength(1));
      two.push('push_me', new ArrayBuffer(0));
      await eventually(() => expect(heard).toHaveLength(2));
      expect(heard.map(bytesOf)).toEqual([bytes, new Uint8Array()]);
    });
  } else {
    it('uploads binary payloads', async () => {
      const channel = await joined(newTopic());
      expect(await answer(channel.push('echo_status', Uint8Array.of(0, 1, 255).buffer), 'ok')).toEqual({});
    });
  }
}

describe('phoenix newest', () => {
  let phoenix: Phoenix;
  beforeAll(async () => {
    phoenix = await import('phoenix');
    Object.assign(globalThis, { XMLHttpRequest: undefined });
  });

  const connect = (options: Partial<SocketConnectOption>, mount = 'socket') => {
    const socket = new phoenix.Socket(`${room.url.replace(/^http/, 'ws')}/${mount}`, options);
    open.push(socket);
    socket.connect();
    return socket;
  };

  const transportOf = async (socket: Socket) => {
    const channel = socket.channel(newTopic(), {});
    await answer(channel.join(), 'ok');
    return (await answer(channel.push('whoami', {}), 'ok')) as { transport: string };
  };

  it('falls back to long poll when WebSockets are refused', async () => {
    class Refused extends WebSocket {
      constructor(url: string) {
        super(url.replace('/websocket', '/carrierpigeon'));
      }
    }
    const socket = connect({ transport: Refused, longPollFallbackMs: 2_000 });
    expect(await transportOf(socket)).toMatchObject({ transport: 'longpoll' });
  });

  it('falls back to long poll when a WebSocket is not answered', async () => {
    const { port, stop } = await silentListener();
    stops.push(stop);
    class Unanswered extends WebSocket {
      constructor(url: string) {
        super(url.replace(/^ws:\/\/[^/]+/, `ws://127.0.0.1:${port}`));
      }
    }
    const socket = connect({ transport: Unanswered, longPollFallbackMs: 200 });
    expect(await transportOf(socket)).toMatchObject({ transport: 'longpoll' });
  });

  it('stays on WebSocket when it works', async () => {
    const socket = connect({ transport: WebSocket, longPollFallbackMs: 2_000 });
    expect(await transportOf(socket)).toMatchObject({ transport: 'websocket' });
  });

  it('stays connected by its heartbeats', async () => {
    const socket = connect({ transport: WebSocket, heartbeatIntervalMs: 300 }, 'short');
    const channel = socket.channel(newTopic(), {});
    const { joins, errors } = lives(channel);
    await eventually(() => expect(joins()).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect([joins(), errors(), channel.state]).toEqual([1, 0, 'joined']);
  });

  it('comes back after an idle close', async () => {
    const socket = connect({ transport: WebSocket, reconnectAfterMs: () => 30, rejoinAfterMs: () => 30 }, 'short');
    const channel = socket.channel(newTopic(), {});
    const { joins } = lives(channel);
    await eventually(() => expect(joins()).toBe(2));
  });
});

/** Resolves with the answer of that status, rejects with another. */
function answer(push: Push, wanted: PushStatus): Promise<unknown> {
  return new Promise((resolve, reject) => {
    for (const status of ['ok', 'error', 'timeout'] as const)
      push.receive(status, (response: unknown) =>
        status === wanted ? resolve(response) : reject(new Error(`${status} ${JSON.stringify(response)}`)),
      );
  });
}

function collect(channel: Channel, event: string, into: unknown[], as = (payload: unknown) => payload) {
  channel.on(event, (payload: unknown) => {
    into.push(as(payload));
  });
}

/** Takes connections and never answers. */
async function silentListener() {
  const taken = new Set<NetSocket>();
  const server = createServer((socket) => void taken.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    stop: async () => {
      for (const socket of taken) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Joins and counts how often that succeeds and fails. */
function lives(channel: Channel) {
  let [joins, errors] = [0, 0];
  channel.onError(() => {
    errors++;
  });
  channel.join().receive('ok', () => {
    joins++;
  });
  return { joins: () => joins, errors: () => errors };
}

interface Here {
  readonly metas: readonly { readonly status: string }[];
}

function watch(presence: Presence) {
  const seen = { joins: [] as string[], leaves: [] as string[], syncs: 0 };
  presence.onJoin((key, before?: Here) => seen.joins.push(`${key} ${before ? 'again' : 'first'}`));
  presence.onLeave((key, left?: Here) => seen.leaves.push(`${key} ${left?.metas.length ? 'stays' : 'gone'}`));
  presence.onSync(() => {
    seen.syncs++;
  });
  return seen;
}

const statuses = (presence: Presence) =>
  presence.list((key, { metas }: Here) => [key, ...metas.map(({ status }) => status).sort()].join(' ')).sort();

const bytesOf = (value: unknown) => {
  if (!(value instanceof ArrayBuffer) && Object.prototype.toString.call(value) !== '[object ArrayBuffer]')
    throw new Error(`no bytes: ${JSON.stringify(value)}`);
  return new Uint8Array(value as ArrayBuffer);
};
