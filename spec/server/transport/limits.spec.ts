import { setTimeout as sleep } from 'node:timers/promises';
import * as aerie from '../../../server/index.ts';
import { type Served, type ServeOptions, serve } from '../../support/endpoint.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, openLongPoll, request, type SocketClient } from '../../support/frames.ts';

const KIB = 'x'.repeat(1_024);

let expiresAtMs: number | undefined;
let served: Served;

const hall = aerie.channel({
  topic: 'hall:*',
  events: { echo: aerie.anyPayload, flood: aerie.anyPayload, snapshot: aerie.anyPayload },
  join: () => aerie.accept({}),
  on: {
    echo: (payload) => aerie.reply(payload),
    /** So many broadcasts of one KiB. */
    flood(count, socket) {
      for (let i = 0; i < Number(count); i++) socket.broadcast('flood', { i, KIB });
      return aerie.reply();
    },
    /** A state of so many KiB, and then some live traffic. */
    snapshot(kib, socket) {
      socket.pushSnapshot('state', JSON.stringify({ state: 'x'.repeat(Number(kib) * 1_024) }));
      for (let i = 0; i < 10; i++) socket.broadcast('live', { i });
      return aerie.reply();
    },
  },
});
const open = aerie.socket({
  connect: ({ params }) => aerie.connected({}, { ids: [`user:${params.user}`], expiresAtMs }),
  channels: [hall],
});

async function start(options: ServeOptions = {}) {
  served = await serve(open, options);
}
const enter = async (url = served.socketUrl): Promise<SocketClient> => {
  const client = await connect(url);
  await client.send('["1","1","hall:1","phx_join",{}]');
  expect(String(await client.next())).toContain('"status":"ok"');
  return client;
};

beforeEach(() => {
  expiresAtMs = undefined;
});
afterEach(() => served.close());

describe('a slow reader', () => {
  it('is closed with 1013 once it is further behind than the limit, and no frame before that is left out', async () => {
    await start({ limits: { maxBackpressureBytes: 256 * 1_024 } });
    const slow = await enter();
    const quick = await enter();
    slow.ws.pause();
    // More than the kernel's buffers and the limit together.
    let rounds = 0;
    for (; rounds < 40 && served.endpoint.connections.size === 2; rounds++) {
      await quick.send(`["1","2","hall:1","flood",512]`);
      await eventually(() => expect(quick.frames.length).toBeGreaterThanOrEqual(1 + (rounds + 1) * 513));
    }
    expect(served.endpoint.connections.size).toBe(1);
    // At once: a reader that was closed and reads nothing is dropped after some seconds.
    slow.ws.resume();
    expect(await slow.ended()).toEqual({ code: 1013, reason: 'too slow' });
    const numbers = slow.frames.slice(1).map((frame) => JSON.parse(String(frame))[4].i as number);
    expect(numbers.length).toBeGreaterThan(256);
    expect(numbers).toEqual(numbers.map((_, at) => at % 512));
    expect(quick.frames.length).toBe(1 + rounds * 513);
    await quick.close();
  });

  it('cannot hold what it did not read for ever once it is closed', async () => {
    const backlogBytes = 16 * 1_024 * 1_024;
    await start({
      limits: { maxBackpressureBytes: backlogBytes },
      mount: { websocket: { timeoutMs: 1_000, pings: true } },
    });
    const client = await enter();
    client.ws.pause();
    await client.send(`["1","2","hall:1","flood",${(2 * backlogBytes) / 1_024}]`);
    await eventually(() => expect(served.endpoint.connections.size).toBe(0));
    client.ws.resume();
    await eventually(() => expect(client.frames.length).toBeGreaterThan(1_024));
    client.ws.pause();
    // The server's library counts in steps of four seconds, and may miss one where the machine stands still.
    await sleep(1_000 + 8_000 + 2 * 4_000);
    client.ws.resume();
    expect(await client.ended()).toEqual({ code: 1006, reason: '' });
  }, 30_000);

  it('is not closed for a snapshot larger than the limit, though live traffic follows', async () => {
    await start({ limits: { maxBackpressureBytes: 64 * 1_024 } });
    const client = await enter();
    client.ws.pause();
    await client.send('["1","2","hall:1","snapshot",24000]');
    await sleep(200);
    expect(served.endpoint.connections.size).toBe(1);
    client.ws.resume();
    expect(String(await client.next()).length).toBeGreaterThan(24_000 * 1_024);
    for (let i = 0; i < 10; i++) expect(JSON.parse(String(await client.next()))[4]).toEqual({ i });
    await client.close();
  });

  it('is closed when snapshots that it asks for pile up unread', async () => {
    await start();
    const client = await enter();
    client.ws.pause();
    for (let i = 0; i < 60; i++) await client.send('["1","2","hall:1","snapshot",1024]');
    await eventually(() => expect(served.endpoint.connections.size).toBe(0));
    client.ws.resume();
    expect((await client.ended()).code).toBe(1013);
    const bytes = client.frames.reduce((sum, frame) => sum + frame.length, 0);
    expect(bytes).toBeLessThan(50 * 1_024 * 1_024);
  });

  it('is closed for replies of its own that it does not read', async () => {
    await start({ limits: { maxBackpressureBytes: 64 * 1_024 } });
    const client = await enter();
    client.ws.pause();
    const frame = JSON.stringify(['1', '2', 'hall:1', 'echo', { text: KIB.repeat(256) }]);
    for (let i = 0; i < 60; i++) await client.send(frame);
    await eventually(() => expect(served.endpoint.connections.size).toBe(0));
    client.ws.resume();
    expect((await client.ended()).code).toBe(1013);
  });

  it('over long-poll loses its session', async () => {
    await start({ limits: { maxBackpressureBytes: 64 * 1_024 } });
    const poller = await openLongPoll(served.longPollUrl);
    await poller.post('["1","1","hall:1","phx_join",{}]');
    const quick = await enter();
    await quick.send('["1","2","hall:1","flood",100]');
    await eventually(() => expect(served.endpoint.connections.size).toBe(1));
    expect((await poller.poll()).status).toBe(410);
    await quick.close();
  });
});

describe('a frame', () => {
  it('of the limit passes, one byte more ends the connection and no other', async () => {
    await start({ limits: { maxFrameBytes: 4_096 } });
    const client = await enter();
    const other = await enter();
    const head = '["1","2","hall:1","echo","';
    await client.send(`${head}${'x'.repeat(4_096 - head.length - 2)}"]`);
    expect(String(await client.next())).toContain('"ok"');
    await client.send(`${head}${'x'.repeat(4_096 - head.length - 1)}"]`);
    expect([1006, 1009]).toContain((await client.closed()).code);
    await other.send('["1","2","hall:1","echo","still here"]');
    expect(String(await other.next())).toContain('still here');
    await other.close();
  });

  it('in many small fragments counts as a whole', async () => {
    await start({ limits: { maxFrameBytes: 4_096 } });
    const client = await enter();
    client.sendParts(Array.from({ length: 5_000 }, () => 'x'));
    expect([1006, 1009]).toContain((await client.closed()).code);
  });
});

describe('the rate limit', () => {
  it('answers what is too much with rate_limited and when to try again; heartbeats and leaves are free', async () => {
    await start({ allowances: { messages: { perSecond: 10, burst: 5 } } });
    const client = await enter();
    for (let i = 0; i < 5; i++) await client.send(`["1","${i}","hall:1","echo",${i}]`);
    for (let i = 0; i < 4; i++)
      expect(JSON.parse(String(await client.next()))[4]).toEqual({ status: 'ok', response: i });
    const refused = JSON.parse(String(await client.next()));
    expect(refused).toMatchObject([
      '1',
      '4',
      'hall:1',
      'phx_reply',
      { status: 'error', response: { reason: 'rate_limited' } },
    ]);
    const { retry_after_ms: retryAfterMs } = refused[4].response.details;
    expect(retryAfterMs).toBeGreaterThan(0);
    for (let i = 0; i < 20; i++) await client.send('[null,"h","phoenix","heartbeat",{}]');
    for (let i = 0; i < 20; i++) expect(String(await client.next())).toContain('"ok"');
    await sleep(retryAfterMs + 5);
    await client.send('["1","7","hall:1","echo",7]');
    expect(JSON.parse(String(await client.next()))[4]).toEqual({ status: 'ok', response: 7 });
    await client.send('["1","8","hall:1","phx_leave",{}]');
    expect(String(await client.next())).toContain('"ok"');
    await client.close();
  });
});

describe('silence', () => {
  it('is broken by the pongs that the server asks for', async () => {
    await start({ mount: { websocket: { timeoutMs: 600, pings: true } } });
    const client = await enter();
    await client.nothingFor(1_500);
    expect(served.endpoint.connections.size).toBe(1);
    await client.close();
  });

  it('closes a client that answers no ping with 1001', async () => {
    await start({ mount: { websocket: { timeoutMs: 600, pings: true } } });
    const client = await enter();
    client.ws.pause();
    await eventually(() => expect(served.endpoint.connections.size).toBe(0));
    client.ws.resume();
    expect((await client.closed()).code).toBe(1001);
  });
});

it('closes a socket whose credentials have run out', async () => {
  await start();
  expiresAtMs = Date.now() + 300;
  const client = await enter();
  expect((await client.closed()).code).toBe(1001);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs);
});

it('closes the sockets of an id over both transports, and no others', async () => {
  await start();
  const mine = await enter(`${served.socketUrl}&user=1`);
  const other = await enter(`${served.socketUrl}&user=2`);
  const poller = await openLongPoll(`${served.longPollUrl}&user=1`);
  const polled = poller.poll();
  served.endpoint.disconnect('user:1');
  expect(await mine.closed()).toEqual({ code: 1001, reason: '' });
  // 410 if the poll came after the session had ended.
  expect([500, 410]).toContain((await polled).status);
  expect((await poller.poll()).status).toBe(410);
  await other.send('["1","2","hall:1","echo",1]');
  expect(String(await other.next())).toContain('"ok"');
  await other.close();
});

describe('draining', () => {
  it('moves clients away with 1012, spread out, and lets no new ones in', async () => {
    await start();
    const clients = await Promise.all(Array.from({ length: 20 }, () => enter()));
    const startedAtMs = Date.now();
    const closedAfterMs = clients.map(async (client) => {
      expect((await client.closed()).code).toBe(1012);
      return Date.now() - startedAtMs;
    });
    const drained = served.endpoint.drain(1_000);
    // No JSON: the official client tries again where it finds none, and throws on a status of 503.
    expect(await request('GET', served.longPollUrl)).toMatchObject({ status: 503, body: '' });
    await expect(enter()).rejects.toThrow();
    await drained;
    const times = (await Promise.all(closedAfterMs)).sort((a, b) => a - b);
    expect(served.endpoint.connections.size).toBe(0);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(400);
  });
});

it('restarts the channels of a node that may have missed broadcasts, and they can be joined again', async () => {
  await start();
  const client = await enter();
  served.endpoint.connections.restart(100);
  expect(JSON.parse(String(await client.next()))).toEqual([
    '1',
    '1',
    'hall:1',
    'phx_error',
    { reason: 'channel_crash' },
  ]);
  await client.send('["2","2","hall:1","phx_join",{}]');
  expect(String(await client.next())).toContain('"ok"');
  await client.close();
});
