import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { ADMIN_TOKEN, type Answer, addressOf, onRedis, registerAgent } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { connect, request, upgradeHeaders } from '../support/frames.ts';
import { freePort } from '../support/free_port.ts';
import { proxyTo } from '../support/proxy.ts';
import { sharedRedisUrl } from '../support/redis.ts';
import { spawn } from '../support/spawn.ts';

let proxy: Awaited<ReturnType<typeof proxyTo>>;
beforeEach(async () => {
  const { hostname: host, port } = new URL(sharedRedisUrl());
  proxy = await proxyTo({ host, port: Number(port) });
});
afterEach(() => proxy.stop());

/** A server that need not come up, and its port. */
async function launch(env: Record<string, string>) {
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/platform/main.js'], {
    env: {
      PATH: process.env.PATH,
      PORT: `${port}`,
      ORBIT_PORT: '0',
      ADMIN_TOKEN,
      DRAIN_MS: '0',
      NODE_ID: 'node-1',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  return { ...addressOf(`http://127.0.0.1:${port}`), child, exit, stderr: () => stderr };
}

describe('a start while Redis is away', () => {
  it('answers from the start, and ends after 15 s with the line that says why', async () => {
    proxy.cut();
    const startedAt = Date.now();
    const aerie = await launch(onRedis(proxy.url).env);
    try {
      const health = await eventually(() => aerie.call('GET', '/health'), 10_000);
      expect(health).toMatchObject({ status: 200, body: { status: 'healthy', node: 'node-1', active_connections: 0 } });
      expect(await aerie.call('GET', '/ready')).toMatchObject({
        status: 503,
        body: { reason: 'unavailable', detail: 'the node is starting', errors: [{ message: 'the node is starting' }] },
      });
      for (const [method, path] of [
        ['GET', '/metrics'],
        ['GET', '/api/agents/a'],
        ['POST', '/api/users'],
        ['POST', '/ready'],
        ['GET', '/socket/websocket'],
        ['GET', '/nothing'],
      ] as const) {
        const answer: Answer = await aerie.call(
          method,
          path,
          ADMIN_TOKEN,
          method === 'POST' ? { name: 'U' } : undefined,
        );
        expect([path, answer]).toEqual([path, expect.objectContaining({ status: 503 })]);
        expect(answer.body).toMatchObject({ reason: 'unavailable', detail: expect.stringContaining('starting') });
      }
      const upgrade = await request('GET', `${aerie.url}/socket/websocket?vsn=2.0.0`, { headers: upgradeHeaders });
      expect(upgrade.status).toBe(503);
      // The official client throws on a status of 503 in the body.
      const poll = await request('GET', `${aerie.url}/socket/longpoll?vsn=2.0.0`);
      expect([poll.status, poll.body]).toEqual([503, '']);

      expect(await aerie.exit).toBe(1);
      expect(Date.now() - startedAt).toBeGreaterThan(14_000);
      expect(aerie.stderr()).toMatch(/^Aerie cannot start: Redis at 127\.0\.0\.1:\d+ is out of reach: [^\n]+\n$/);
    } finally {
      aerie.child.kill('SIGKILL');
    }
  }, 60_000);

  it('goes on once Redis is there, and refuses no connection in between', async () => {
    proxy.cut();
    const aerie = await launch(onRedis(proxy.url).env);
    // One connection throughout: it was opened while the node started.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const probe = () =>
      new Promise<number | undefined>((resolve, reject) => {
        get(`${aerie.url}/ready`, { agent }, (response) => {
          response.resume().once('end', () => resolve(response.statusCode));
        }).once('error', reject);
      });
    try {
      await eventually(() => probe(), 10_000);
      proxy.heal();
      const giveUpAt = Date.now() + 15_000;
      const statuses = new Set<number | undefined>();
      while (!statuses.has(200) && Date.now() < giveUpAt) {
        statuses.add(await probe());
        // And a new connection each time; it throws where the port is closed.
        statuses.add((await fetch(`${aerie.url}/ready`, { headers: { connection: 'close' } })).status);
      }
      expect([...statuses].sort()).toEqual([200, 503]);
      const ada = await registerAgent(aerie);
      await (await connect(`${aerie.url}/socket?vsn=2.0.0&api_key=${ada.apiKey}`)).close();
    } finally {
      agent.destroy();
      aerie.child.kill('SIGTERM');
      expect(await aerie.exit).toBe(0);
    }
  }, 60_000);

  it('ends at once when it is told to', async () => {
    proxy.cut();
    const aerie = await launch({ ...onRedis(proxy.url).env, DRAIN_MS: '15000' });
    await eventually(() => aerie.call('GET', '/health'), 10_000);
    const toldAt = Date.now();
    aerie.child.kill('SIGTERM');
    expect(await aerie.exit).toBe(0);
    expect(Date.now() - toldAt).toBeLessThan(5_000);
  }, 30_000);
});
