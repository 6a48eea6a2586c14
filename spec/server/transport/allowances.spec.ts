import { RequestAllowance } from '../../../server/allowance/requests.ts';
import * as aerie from '../../../server/index.ts';
import { type Served, type ServeOptions, serve } from '../../support/endpoint.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, request, type SocketClient, upgradeHeaders } from '../../support/frames.ts';

const BURST = 5;
const messages = { perSecond: 10, burst: BURST };

const hall = aerie.channel({
  topic: 'hall:*',
  events: { echo: aerie.anyPayload, heavy: aerie.anyPayload, bytes: aerie.binaryPayload },
  costs: { heavy: 4 },
  join: () => aerie.accept({}),
  on: { echo: (payload) => aerie.reply(payload), heavy: () => aerie.reply(), bytes: () => aerie.reply() },
});

const lookUps: string[] = [];
const open = aerie.socket({
  connect({ params, mayLookUp }) {
    const { user = '' } = params;
    if (user.startsWith('unknown')) {
      if (mayLookUp()) lookUps.push(user);
      return aerie.reject();
    }
    return aerie.connected({}, { ids: [`user:${user}`], account: user });
  },
  channels: [hall],
});

let served: Served;
afterEach(() => served.close());

const start = async (options: ServeOptions = {}) => {
  lookUps.length = 0;
  served = await serve(open, { allowances: {}, ...options });
};
const as = (user: string) => `${served.socketUrl}&user=${user}`;
const enter = async (user = 'ada'): Promise<SocketClient> => {
  const client = await connect(as(user));
  await client.send('["1","1","hall:1","phx_join",{}]');
  expect(String(await client.next())).toContain('"status":"ok"');
  return client;
};
const next = async (client: SocketClient) => JSON.parse(String(await client.next()));
const refused = (joinRef: string | null, ref: string | number) => [
  joinRef,
  ref,
  'hall:1',
  'phx_reply',
  { status: 'error', response: { reason: 'rate_limited', details: { retry_after_ms: expect.any(Number) } } },
];

interface Due {
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

describe('a message over the allowance', () => {
  it('is refused under its refs and topic, whatever its payload: nobody looks at that', async () => {
    // So slow that none of these is taken, whatever the machine does meanwhile.
    await start({ allowances: { messages: { ...messages, perSecond: 0.01 } } });
    const client = await enter();
    for (let count = 1; count < BURST; count++) await client.send(`["1","${count}","hall:1","echo",{}]`);
    for (let count = 1; count < BURST; count++) expect((await next(client))[1]).toBe(`${count}`);
    await client.send(`["1","a","hall:1","echo",{"x":"${'y'.repeat(10_000)}"]]]]`);
    expect(await next(client)).toMatchObject(refused('1', 'a'));
    await client.send(` [ "1" , 7 , "hall:1" , "echo" , {} ]`);
    expect(await next(client)).toMatchObject(refused('1', 7));
    const binary = Buffer.concat([Buffer.from([0, 1, 1, 6, 5]), Buffer.from('1bhall:1bytes'), Buffer.alloc(10_000)]);
    await client.sendBinary(binary);
    expect(await next(client)).toMatchObject(refused('1', 'b'));
    await client.close();
  });

  it('is told a time behind all that was refused before it', async () => {
    await start({ allowances: { messages } });
    const client = await enter();
    for (let count = 1; count < BURST; count++) await client.send(`["1","${count}","hall:1","echo",{}]`);
    for (let count = 1; count < BURST; count++) await client.next();
    // The times at which each may be sent again: not before the one, not after the other, however late it was read.
    const due: Due[] = [];
    for (let count = 0; count < 4; count++) {
      const sentAtMs = performance.now();
      await client.send(`["1","r","hall:1","echo",{"n":${count}}]`);
      const waitMs = (await next(client))[4].response.details.retry_after_ms;
      due.push({ atLeastMs: sentAtMs + waitMs, atMostMs: performance.now() + waitMs });
    }
    const [first, second, third, last] = due as [Due, Due, Due, Due];
    // What is said is in whole milliseconds.
    for (const [before, after] of [
      [first, second],
      [second, third],
      [third, last],
    ] as const) {
      expect(after.atMostMs).toBeGreaterThan(before.atLeastMs - 1);
    }
    expect(last.atMostMs - first.atLeastMs).toBeGreaterThan(200);
    await client.close();
  });

  it('counts as many messages as its channel says', async () => {
    await start({ allowances: { messages } });
    const client = await enter();
    await client.send('["1","1","hall:1","heavy",{}]');
    expect(await next(client)).toMatchObject(['1', '1', 'hall:1', 'phx_reply', { status: 'ok' }]);
    await client.send('["1","2","hall:1","echo",{}]');
    expect(await next(client)).toMatchObject(refused('1', '2'));
    await client.close();
  });

  it('is refused for its bytes too, over protocol 1.0.0 as well', async () => {
    await start({ allowances: { bytes: { perSecond: 1_000, burst: 2_000 } } });
    const client = await connect(as('ada').replace('2.0.0', '1.0.0'));
    const payload = { x: 'y'.repeat(1_500) };
    await client.send(JSON.stringify({ topic: 'hall:1', event: 'phx_join', payload, ref: '1' }));
    expect(await next(client)).toMatchObject({ ref: '1', payload: { status: 'ok' } });
    await client.send(JSON.stringify({ topic: 'hall:1', event: 'echo', payload, ref: '2' }));
    expect(await next(client)).toMatchObject({ ref: '2', payload: { response: { reason: 'rate_limited' } } });
    await client.close();
  });

  it('shares the allowance of its account with the account’s other sockets, five times that of one', async () => {
    await start({ allowances: { messages } });
    const clients = [];
    // A join each.
    for (let count = 0; count < 12; count++) clients.push(await enter('ada'));
    const answers = await Promise.all(
      clients.map(async (client) => {
        for (let count = 0; count < 4; count++) await client.send('["1","1","hall:1","echo",{}]');
        const statuses = [];
        for (let count = 0; count < 4; count++) statuses.push((await next(client))[4].status);
        return statuses;
      }),
    );
    const ok = answers.flat().filter((status) => status === 'ok').length;
    // Each socket has room for all of its own. The account has 25 at first, 12 of which were joins, and what came in since.
    expect(ok).toBeGreaterThanOrEqual(25 - 12);
    expect(ok).toBeLessThan(48);
    const other = await enter('bob');
    await Promise.all([...clients, other].map((client) => client.close()));
  });
});

describe('heartbeats, leaves and control frames', () => {
  it('have an allowance of their own, beyond which they are dropped; a joined topic can always be left', async () => {
    await start({ allowances: { messages, control: { perSecond: 1, burst: 3 } } });
    const client = await enter();
    for (let count = 0; count < 10; count++) await client.send(`[null,"${count}","phoenix","heartbeat",{}]`);
    await client.send('[null,"x","hall:2","phx_leave",{}]');
    await client.send('["1","l","hall:1","phx_leave",{}]');
    expect((await next(client))[1]).toBe('0');
    expect((await next(client))[1]).toBe('1');
    expect((await next(client))[1]).toBe('2');
    expect(await next(client)).toMatchObject(['1', 'l', 'hall:1', 'phx_reply', { status: 'ok' }]);
    expect(served.endpoint.stats.dropped).toBe(8);
    await client.close();
  });

  it('are a backlog as everything else: who reads no pongs is closed', async () => {
    await start({ limits: { maxBackpressureBytes: 128 * 1_024 }, allowances: { control: undefined } });
    const client = await enter();
    client.ws.pause();
    const payload = Buffer.alloc(125, 'x');
    for (let round = 0; round < 1_000 && served.endpoint.connections.size === 1; round++) {
      for (let count = 0; count < 500; count++) client.ws.ping(payload);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(served.endpoint.connections.size).toBe(0);
    expect([...served.endpoint.stats.disconnects.keys()]).toEqual(['1013']);
    client.ws.terminate();
  });
});

describe('connects', () => {
  const upgrade = (user: string) => request('GET', as(user), { headers: upgradeHeaders });
  const status = async (user: string) => {
    const answer = await upgrade(user);
    answer.socket?.destroy();
    return answer.status;
  };
  const poll = (user: string) => request('GET', `${served.longPollUrl}&user=${user}`);

  it('that are refused again and again get 429 for a minute; a good credential is let in all the same', async () => {
    await start();
    for (let count = 0; count < 10; count++) expect(await status('unknown')).toBe(403);
    const answer = await upgrade('unknown');
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '60']);
    expect((await poll('unknown')).status).toBe(429);
    expect(await status('ada')).toBe(101);
    expect((await poll('ada')).body).toContain('"status":410');
  });

  it('are looked up ten times a second once their address is held', async () => {
    await start();
    for (let count = 0; count < 60; count++) await status(`unknown-${count}`);
    expect(lookUps.length).toBeGreaterThanOrEqual(21);
    expect(lookUps.length).toBeLessThan(60);
  });

  it('are requests of their account', async () => {
    let nowMs = 0;
    await start({ requests: new RequestAllowance({ perSecond: 1, burst: 3 }, () => nowMs) });
    expect([await status('ada'), await status('ada')]).toEqual([101, 101]);
    expect(JSON.parse((await poll('ada')).body).status).toBe(410);
    const answer = await upgrade('ada');
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '1']);
    expect((await poll('ada')).status).toBe(429);
    expect(await status('bob')).toBe(101);
    nowMs += 1_000;
    expect(await status('ada')).toBe(101);
  });

  it('of an account that flooded the node are refused, and its sockets closed with 1008', async () => {
    await start({ allowances: { messages, flood: { maxMessages: 20, maxBytes: 1_000_000 } } });
    const [one, two, other] = [await enter('ada'), await enter('ada'), await enter('bob')];
    const closed = Promise.all([one, two].map(({ ws }) => new Promise((resolve) => ws.once('close', resolve))));
    for (let count = 0; count < 60; count++) await one.send('["1","2","hall:1","echo",{}]');
    expect(await closed).toEqual([1008, 1008]);
    expect((await upgrade('ada')).status).toBe(429);
    expect((await poll('ada')).status).toBe(429);
    expect(served.endpoint.stats.floodCloses).toBe(2);
    await other.send('["1","2","hall:1","echo",{}]');
    expect(await next(other)).toMatchObject(['1', '2', 'hall:1', 'phx_reply', { status: 'ok' }]);
    await other.close();
    await eventually(() => expect(served.endpoint.connections.size).toBe(0));
  });
});
