import type { Socket } from 'node:net';
import type { RawMountOptions } from '../../../server/endpoint/index.ts';
import { Endpoint, type EndpointOptions } from '../../../server/endpoint/index.ts';
import * as aerie from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, request, type SocketClient, upgradeHeaders } from '../../support/frames.ts';

/** Events that a session saw, in order. */
type Seen = readonly [what: string, ...details: unknown[]];

/** A session that writes down what happens, and echoes. */
class Echo implements aerie.RawSession {
  readonly seen: Seen[] = [];
  readonly socket: aerie.RawSocket;
  readonly request: aerie.RawRequest;

  constructor(socket: aerie.RawSocket, opening: aerie.RawRequest) {
    this.socket = socket;
    this.request = opening;
  }

  message(text: string): void | Promise<void> {
    if (text === 'throw') throw new Error('a fault');
    if (text === 'reject') return Promise.reject(new Error('a fault'));
    this.socket.send(text);
  }

  binary(bytes: Uint8Array) {
    // Later, when uWebSockets.js has its memory back.
    setImmediate(() => this.socket.send(bytes));
  }

  cost(data: string | Uint8Array) {
    return typeof data === 'string' && data.startsWith('heavy') ? 4 : 1;
  }

  refused(retryAfterMs: number) {
    this.socket.send(`slow down for ${retryAfterMs > 0}`);
  }

  pong(payload: string) {
    this.seen.push(['pong', payload]);
  }

  closing(cause: aerie.CloseCause) {
    this.seen.push(['closing', cause]);
    this.socket.send(`closing: ${cause}`);
    return cause === 'disconnected' ? 4401 : undefined;
  }

  closed(code: number) {
    this.seen.push(['closed', code]);
  }
}

let endpoint: Endpoint;
let url: string;
let lines: Record<string, unknown>[];
let sessions: Echo[];
let opened: aerie.RawRequest[];
let closes: number;
let terms: Parameters<typeof aerie.openRaw>[1];

const last = () => sessions.at(-1) as Echo;
const log = () => {
  const write = (fields: object, msg: string) => void lines.push({ ...fields, msg });
  return { trace: write, debug: write, info: write, warn: write, error: write, fatal: write };
};

const open: RawMountOptions['open'] = (opening) => {
  opened.push(opening);
  const { user, reject } = opening.params;
  if (reject === 'status') return aerie.rejectRaw({ status: 421 }, { reason: 'wrong_host' });
  if (reject === 'broken') throw new Error('a fault');
  if (reject === 'invalid_code') return aerie.rejectRaw({ code: 999 }, { reason: 'odd' });
  if (reject === 'full') return aerie.rejectRaw({ code: 1013, reason: 'full' }, { reason: 'full', holds: true });
  if (reject)
    return aerie.rejectRaw({ code: 4001, reason: 'no', message: 'auth_failed' }, { reason: 'bad_credential' });
  const of = user === undefined ? {} : { ids: [`user:${user}`], account: user };
  return aerie.openRaw(
    (socket) => {
      const session = new Echo(socket, opening);
      sessions.push(session);
      return session;
    },
    { ...of, onClose: () => void closes++, ...terms },
  );
};

const mount: RawMountOptions = { kind: 'raw', path: '/ws/talk/:room', open, origins: 'any' };

async function start(of: Partial<RawMountOptions> = {}, options: Partial<EndpointOptions> = {}) {
  endpoint = new Endpoint({ log: log(), ...options, mounts: [{ ...mount, ...of }, ...(options.mounts ?? [])] });
  url = `http://127.0.0.1:${await endpoint.listen('127.0.0.1', 0)}`;
}
beforeEach(() => {
  lines = [];
  sessions = [];
  opened = [];
  closes = 0;
  terms = {};
});
afterEach(() => endpoint.close());

const at = (query = '') => `${url}/ws/talk/hall${query}`;
const upgrade = async (where: string, headers: Record<string, string> = {}) => {
  const answer = await request('GET', where, { headers: { ...upgradeHeaders, ...headers } });
  answer.socket?.destroy();
  return answer;
};
const status = async (where: string, headers: Record<string, string> = {}) => (await upgrade(where, headers)).status;
const echoes = async (client: SocketClient, text = 'hello') => {
  await client.send(text);
  expect(await client.next()).toBe(text);
};

describe('a raw mount', () => {
  it('gives its author the path, the query and the headers it asked for, and carries text and bytes both ways', async () => {
    await start({ headers: ['x-client-version'] });
    const headers = { 'X-Client-Version': '1.2', 'X-Other': 'nobody asked' };
    const client = await connect(`${url}//ws/talk/a%20room/?user=ada&x=1`, { headers });
    expect(opened).toEqual([
      {
        params: { user: 'ada', x: '1' },
        pathParams: { room: 'a room' },
        headers: { 'x-client-version': '1.2' },
        credential: undefined,
        address: '127.0.0.1',
        mayLookUp: expect.any(Function),
      },
    ]);
    await echoes(client);
    const bytes = Buffer.from([0, 1, 2, 255]);
    await client.sendBinary(bytes);
    await client.sendBinary(Buffer.alloc(4));
    expect(await client.next()).toEqual(bytes);
    expect(await client.next()).toEqual(Buffer.alloc(4));
    await client.close(4_000);
    await eventually(() => expect(last().seen).toEqual([['closed', 4_000]]));
    expect(closes).toBe(1);
    expect(last().socket.send('too late')).toBe('closed');
    expect(endpoint.stats).toMatchObject({ connects: 1, messagesIn: 3, messagesOut: 3 });
    await eventually(() => expect([...endpoint.stats.disconnects]).toEqual([['other', 1]]));
    expect(lines).toEqual([
      { msg: 'connected', mount: '/ws/talk/:room', id: 'user:ada', transport: 'websocket' },
      { msg: 'disconnected', id: 'user:ada', code: 4_000 },
    ]);
  });

  it('stands beside Phoenix mounts, and other paths are not its own', async () => {
    const hall = aerie.channel({ topic: 'hall', events: {}, join: () => aerie.accept({}), on: {} });
    const phoenix = aerie.socket({ connect: () => aerie.connected({}), channels: [hall] });
    await start({}, { mounts: [{ path: '/socket', open: phoenix }] });
    const client = await connect(`${url}/socket/websocket?vsn=2.0.0`);
    await client.send('["1","1","hall","phx_join",{}]');
    expect(String(await client.next())).toContain('"ok"');
    await client.close();
    for (const path of ['/ws/talk', '/ws/talk/a/b', '/ws/other/a', '/']) expect(await status(url + path)).toBe(404);
  });

  it('answers what is no upgrade with 426, and another method with 405', async () => {
    await start();
    const plain = await request('GET', at());
    expect([plain.status, plain.headers.upgrade]).toEqual([426, 'websocket']);
    const posted = await request('POST', at());
    expect([posted.status, posted.headers.allow]).toEqual([405, 'GET']);
  });

  it('lets no page of another host in, and no broken handshake', async () => {
    await start({ origins: 'same_host' });
    expect(await status(at(), { Origin: 'https://elsewhere.example' })).toBe(403);
    expect(await status(at(), { Origin: 'http://localhost:3000' })).toBe(101);
    expect(await status(at(), { 'Sec-WebSocket-Version': '8' })).toBe(400);
    expect(lines.filter(({ msg }) => msg === 'connect refused').map(({ reason }) => reason)).toEqual([
      'wrong_origin',
      'bad_handshake',
    ]);
  });

  it('cannot take larger frames than its endpoint', () => {
    expect(() => new Endpoint({ mounts: [{ ...mount, maxFrameBytes: 512 * 1_024 + 1 }] })).toThrow(
      "invalid maxFrameBytes of /ws/talk/:room: expected at most the endpoint's 524288, got 524289",
    );
  });
});

describe('a credential', () => {
  const credentials = {
    bearer: true,
    header: 'x-api-key',
    query: 'token',
    subprotocol: { select: 'aerie.v1', prefix: 'bearer.', base64Prefix: 'bearer64.' },
  };
  const shown: readonly [where: string, headers: Record<string, string>, query: string][] = [
    ['the Authorization header', { Authorization: 'bearer c-1' }, ''],
    ['a header of its own', { 'X-Api-Key': 'c-1' }, ''],
    ['the query', {}, '?token=c-1'],
    ['a subprotocol', { 'Sec-WebSocket-Protocol': 'aerie.v1, bearer.c-1' }, ''],
    ['a subprotocol in base64url', { 'Sec-WebSocket-Protocol': 'bearer64.Yy0x,aerie.v1' }, ''],
    ['two places that agree', { Authorization: 'Bearer c-1' }, '?token=c-1'],
  ];

  it.each(shown)('is read from %s', async (_, headers, query) => {
    await start({ credentials });
    const answer = await upgrade(at(query), headers);
    expect(answer.status).toBe(101);
    expect(answer.headers['sec-websocket-protocol']).toBe('Sec-WebSocket-Protocol' in headers ? 'aerie.v1' : undefined);
    expect(opened.map(({ credential }) => credential)).toEqual(['c-1']);
  });

  it.each(shown.slice(0, 5))('is not read from %s where the mount does not say so', async (_, headers, query) => {
    await start();
    const answer = await upgrade(at(query), headers);
    expect([answer.status, answer.headers['sec-websocket-protocol']]).toEqual([101, undefined]);
    expect(opened.map(({ credential }) => credential)).toEqual([undefined]);
  });

  const wrong: readonly [what: string, headers: Record<string, string>, reason: string][] = [
    ['two that differ', { Authorization: 'Bearer a', 'X-Api-Key': 'b' }, 'conflicting_credentials'],
    ['two subprotocols', { 'Sec-WebSocket-Protocol': 'aerie.v1,bearer.a,bearer.b' }, 'conflicting_credentials'],
    ['one without the subprotocol', { 'Sec-WebSocket-Protocol': 'bearer.a' }, 'unknown_subprotocol'],
    ['one that is no base64url', { 'Sec-WebSocket-Protocol': 'aerie.v1,bearer64.~' }, 'bad_token'],
  ];
  it.each(wrong)('is refused with 400: %s', async (_, headers, reason) => {
    await start({ credentials });
    expect(await status(at(), headers)).toBe(400);
    expect(opened).toEqual([]);
    expect(lines).toMatchObject([{ msg: 'connect refused', mount: '/ws/talk/:room', reason }]);
  });
});

it('refuses with 400 what is malformed, and what its author says is, before it looks at the page’s origin', async () => {
  const elsewhere = { Origin: 'https://elsewhere.example' };
  const fault: RawMountOptions['fault'] = ({ headers }) => (headers['x-kind'] === 'odd' ? 'odd_kind' : undefined);
  await start({ origins: 'same_host', credentials: { bearer: true, query: 'token' }, headers: ['x-kind'], fault });
  expect(await status(at(), elsewhere)).toBe(403);
  expect(await status(at('?token=a'), { ...elsewhere, Authorization: 'Bearer b' })).toBe(400);
  expect(await status(at(), { ...elsewhere, 'X-Kind': 'odd' })).toBe(400);
  expect(await status(at(), { 'X-Kind': 'even' })).toBe(101);
  expect(opened).toHaveLength(1);
  expect(lines.filter(({ msg }) => msg === 'connect refused').map(({ reason }) => reason)).toEqual([
    'wrong_origin',
    'conflicting_credentials',
    'odd_kind',
  ]);
});

describe('a rejected client', () => {
  it('gets the HTTP status that its author says', async () => {
    await start();
    expect(await status(at('?reject=status'))).toBe(421);
    expect(lines).toMatchObject([{ msg: 'connect refused', reason: 'wrong_host' }]);
    expect(endpoint.stats.refusedConnects).toBe(1);
  });

  it('or is let through the upgrade, told why and closed with a code of its own', async () => {
    await start();
    const client = await connect(at('?reject=close'));
    expect(await client.next()).toBe('auth_failed');
    expect(await client.closed()).toEqual({ code: 4_001, reason: 'no' });
    expect(endpoint.connections.size).toBe(0);
    expect(endpoint.stats).toMatchObject({ connects: 0, refusedConnects: 1 });
  });

  it('is refused with 429 before the upgrade when it comes again and again; a good credential is not', async () => {
    await start({}, { allowances: {} });
    const full = await connect(at('?reject=full'));
    expect(await full.closed()).toEqual({ code: 1_013, reason: 'full' });
    for (let count = 0; count < 10; count++) expect(await status(at('?reject=close'))).toBe(101);
    const answer = await upgrade(at('?reject=close'));
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '60']);
    expect(await status(at('?reject=status'))).toBe(429);
    expect(await status(at('?reject=full'))).toBe(101);
    expect(await status(at('?user=ada'))).toBe(101);
  });

  it('gets 503 from an author that throws, or closes with what no close frame can carry', async () => {
    await start();
    expect([await status(at('?reject=broken')), await status(at('?reject=invalid_code'))]).toEqual([503, 503]);
    expect(lines.map(({ msg }) => msg)).toEqual(['connect failed', 'connect failed']);
  });

  it('that went away while its author was thinking is given back', async () => {
    let letIn = () => {};
    let asked = 0;
    const thinking = new Promise<void>((resolve) => {
      letIn = resolve;
    });
    await start({
      open(opening) {
        asked++;
        return thinking.then(() => open(opening));
      },
    });
    const aborted = new AbortController();
    const gone = request('GET', at(), { headers: upgradeHeaders, signal: aborted.signal }).catch(() => 'gone');
    await eventually(() => expect(asked).toBe(1));
    aborted.abort();
    expect(await gone).toBe('gone');
    // By its answer the server has very likely seen the end of that one.
    await request('GET', at());
    letIn();
    await eventually(() => expect(closes).toBe(1));
  });
});

describe('what a raw socket may send', () => {
  const messages = { perSecond: 1, burst: 5 };

  it('has its allowance, with the costs its author says; what is over is answered in the author’s words', async () => {
    await start({}, { allowances: { messages } });
    const client = await connect(at('?user=ada'));
    await echoes(client, 'heavy 1');
    await echoes(client);
    await client.send('hello again');
    expect(await client.next()).toBe('slow down for true');
    expect(endpoint.stats.rateLimited).toBe(1);
    await client.close();
  });

  it('counts bytes too', async () => {
    await start({}, { allowances: { bytes: { perSecond: 1, burst: 1_000 } } });
    const client = await connect(at('?user=ada'));
    await echoes(client, 'x'.repeat(900));
    await client.sendBinary(Buffer.alloc(900));
    expect(await client.next()).toBe('slow down for true');
    await client.close();
  });

  it('is shared with the other sockets of its account, and a flood closes all of them with 1008', async () => {
    await start({}, { allowances: { messages, flood: { maxMessages: 20, maxBytes: 1_000_000 } } });
    const [one, two, other] = [
      await connect(at('?user=ada')),
      await connect(at('?user=ada')),
      await connect(at('?user=bob')),
    ];
    for (let count = 0; count < 60; count++) await one.send('hello');
    expect([(await one.ended()).code, (await two.ended()).code]).toEqual([1_008, 1_008]);
    expect(two.frames).toEqual(['closing: flood']);
    expect(sessions[1]?.seen).toEqual([
      ['closing', 'flood'],
      ['closed', 1_008],
    ]);
    expect(await status(at('?user=ada'))).toBe(429);
    expect(endpoint.stats.floodCloses).toBe(2);
    await echoes(other);
    await other.close();
  });

  it('in one frame is bounded by the mount: 1009', async () => {
    await start({ maxFrameBytes: 1_000 });
    const client = await connect(at());
    await echoes(client, 'é'.repeat(500));
    await client.send('é'.repeat(501));
    expect((await client.ended()).code).toBe(1_009);
    expect(client.frames.at(-1)).toBe('closing: frame_too_large');
    const other = await connect(at());
    await other.sendBinary(Buffer.alloc(1_001));
    expect((await other.ended()).code).toBe(1_009);
  });

  it('is text alone where its author takes no bytes: 1003', async () => {
    const session = { message: () => {}, refused: () => {}, closed: () => {} };
    await start({ open: () => aerie.openRaw(() => session) });
    const client = await connect(at());
    await client.sendBinary(Buffer.alloc(1));
    expect(await client.closed()).toEqual({ code: 1_003, reason: 'text only' });
  });

  it.each(['throw', 'reject'])('ends the socket with 1011 when its author fails (%s), and no other', async (how) => {
    await start();
    const [client, other] = [await connect(at()), await connect(at())];
    await client.send(how);
    expect((await client.ended()).code).toBe(1_011);
    expect(endpoint.stats.faults).toBe(1);
    await echoes(other);
    await other.close();
  });
});

describe('a reader', () => {
  const KIB_64 = 'x'.repeat(64 * 1_024);
  const rawSocketOf = ({ ws }: SocketClient) => (ws as unknown as { _socket: Socket })._socket;

  it('that reads nothing is closed with 1013 once more waits than the mount allows', async () => {
    await start({ maxBufferedBytes: 1024 * 1_024 });
    const client = await connect(at());
    rawSocketOf(client).pause();
    const results = new Set<string>();
    for (let count = 0; count < 2_000 && last().socket.isOpen; count++) {
      results.add(last().socket.send(KIB_64));
      expect(last().socket.bufferedBytes).toBeLessThanOrEqual(1_200 * 1_024);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([...results]).toEqual(expect.arrayContaining(['queued', 'closed']));
    expect(last().seen).toEqual([
      ['closing', 'too_slow'],
      ['closed', 1_013],
    ]);
    rawSocketOf(client).resume();
    expect((await client.ended()).code).toBe(1_013);
  });

  it('gets everything, however slow, from an author that paces itself', async () => {
    const TOTAL = 400;
    let sent = 0;
    let mostBuffered = 0;
    const pace = (socket: aerie.RawSocket) => {
      while (sent < TOTAL && socket.bufferedBytes < 256 * 1_024) {
        sent++;
        socket.send(KIB_64);
        mostBuffered = Math.max(mostBuffered, socket.bufferedBytes);
      }
    };
    await start({
      maxBufferedBytes: 512 * 1_024,
      open: () =>
        aerie.openRaw((socket) => ({
          message: () => pace(socket),
          refused: () => {},
          drained: () => pace(socket),
          closed: () => {},
        })),
    });
    const client = await connect(at());
    await client.send('go');
    rawSocketOf(client).pause();
    await eventually(() => expect(mostBuffered).toBeGreaterThanOrEqual(256 * 1_024));
    expect(sent).toBeLessThan(TOTAL);
    rawSocketOf(client).resume();
    for (let count = 0; count < TOTAL; count++) expect(String(await client.next()).length).toBe(KIB_64.length);
    await client.close();
  });
});

describe('pings', () => {
  it('come back with their payload, one at a time, and nobody is told of a pong that answers none', async () => {
    await start({ pings: false }, { allowances: { control: { perSecond: 0.001, burst: 1 } } });
    const client = await connect(at());
    client.ws.pong('unasked');
    await echoes(client);
    const { socket, seen } = last();
    for (const payload of ['1', '2', '3']) {
      expect(socket.ping(payload)).toBe(true);
      expect(socket.ping('too early')).toBe(false);
      await eventually(() => expect(seen.at(-1)).toEqual(['pong', payload]));
    }
    expect(seen.length).toBe(3);
    // Pongs that the server asked for are no control frames of the client's.
    expect(endpoint.stats.dropped).toBe(0);
    expect(() => socket.ping('')).toThrow('invalid ping of 0 bytes: expected 1 to 125');
    expect(() => socket.ping('é'.repeat(63))).toThrow('invalid ping of 126 bytes');
    await client.close();
    await eventually(() => expect(socket.ping('gone')).toBe(false));
  });

  it('keep a silent client, whose pong still answers the ping that is awaited', async () => {
    await start({ timeoutMs: 3_000 });
    const client = await connect(at());
    const pings: string[] = [];
    // Answers when the spec says so, and then once.
    client.ws.on('ping', (payload) => void pings.push(payload.toString()));
    (client.ws as unknown as { _autoPong: boolean })._autoPong = false;
    const { socket, seen } = last();
    expect(socket.ping('delivered')).toBe(true);
    await eventually(() => expect(pings.length).toBeGreaterThanOrEqual(2));
    expect(new Set(pings)).toEqual(new Set(['delivered']));
    client.ws.pong('delivered');
    await eventually(() => expect(seen).toEqual([['pong', 'delivered']]));
    await eventually(() => expect(pings.at(-1)).toBe(''));
    client.ws.terminate();
  });

  it('end a client that answers none with 1001', async () => {
    await start({ timeoutMs: 600 });
    const client = await connect(at());
    (client.ws as unknown as { _autoPong: boolean })._autoPong = false;
    expect((await client.ended()).code).toBe(1_001);
    expect(client.frames).toEqual(['closing: silent']);
  });
});

describe('the server closes raw sockets', () => {
  it('when it drains: 1012 behind the author’s last words, and new ones get 503', async () => {
    await start();
    const clients = [await connect(at()), await connect(at())];
    await endpoint.drain(200);
    for (const client of clients) {
      expect(await client.next()).toBe('closing: drain');
      expect((await client.closed()).code).toBe(1_012);
    }
    expect(await status(at())).toBe(503);
  });

  it('of an id that is disconnected, with the code that the author wants', async () => {
    await start();
    const [client, other] = [await connect(at('?user=ada')), await connect(at('?user=bob'))];
    endpoint.disconnect('user:ada');
    expect((await client.ended()).code).toBe(4_401);
    await echoes(other);
    await other.close();
  });

  it('whose time is over, or whose credential holds no more', async () => {
    terms = { expiresAtMs: Date.now() + 100 };
    await start({ timeoutMs: 2_000 });
    const expiring = await connect(at());
    terms = { stillHolds: async () => false };
    const revoked = await connect(at());
    expect([(await expiring.ended()).code, (await revoked.ended()).code]).toEqual([1_001, 1_001]);
    expect([expiring.frames, revoked.frames]).toEqual([['closing: expired'], ['closing: revoked']]);
  });

  it('when their author does, and never with what a close frame cannot carry', async () => {
    await start();
    const client = await connect(at());
    const { socket, seen } = last();
    expect(() => socket.close(1_005)).toThrow('invalid close code 1005: expected 1000 to 1014');
    expect(() => socket.close(1_000, 'é'.repeat(62))).toThrow(
      'invalid close reason of 124 bytes: expected at most 123',
    );
    socket.close(4_004, 'é'.repeat(61));
    expect(seen).toEqual([['closed', 4_004]]);
    expect(await client.closed()).toEqual({ code: 4_004, reason: 'é'.repeat(61) });
  });
});

describe('a further port', () => {
  it('has mounts and HTTP of its own; its clients share allowances, counters and the drain', async () => {
    await start({}, { allowances: { messages: { perSecond: 1, burst: 5 }, accountFactor: 1 } });
    const port = await endpoint.listenAlso(
      {
        mounts: [{ kind: 'raw', path: '/ws', open, origins: 'any' }],
        http: (exchange) =>
          exchange.respond({ status: 200, body: `${exchange.segments} of ${endpoint.connections.size}` }),
      },
      '127.0.0.1',
      0,
    );
    const there = `http://127.0.0.1:${port}`;
    const [client, other] = [await connect(at('?user=ada')), await connect(`${there}/ws?user=ada`)];
    expect((await request('GET', `${there}/health`)).body).toBe('health of 2');
    expect((await request('GET', `${url}/health`)).status).toBe(404);
    expect([await status(`${there}/ws/talk/hall`), await status(`${url}/ws`)]).toEqual([404, 404]);
    for (let count = 0; count < 5; count++) await echoes(other);
    await client.send('one more of the account');
    expect(await client.next()).toBe('slow down for true');
    expect(endpoint.stats.connects).toBe(2);
    await endpoint.drain(100);
    expect([(await client.ended()).code, (await other.ended()).code]).toEqual([1_012, 1_012]);
    endpoint.close();
    await expect(request('GET', `${there}/health`)).rejects.toThrow('ECONNREFUSED');
  });

  it('that is in use is told, and the endpoint goes on', async () => {
    await start();
    const { port } = new URL(url);
    await expect(endpoint.listenAlso({ mounts: [] }, '127.0.0.1', Number(port))).rejects.toThrow('address is in use');
    const client = await connect(at());
    await echoes(client);
    await client.close();
  });
});
