import { ADMIN_TOKEN, type Aerie, folder, type Place, registerAgent, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { connect } from '../support/frames.ts';
import { freePort } from '../support/free_port.ts';
import { Client } from '../support/official_client.ts';
import { spawn } from '../support/spawn.ts';

let place: Place;
let started: Aerie[];

beforeEach(async () => {
  place = await folder();
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((aerie) => aerie.stop()));
  await place.remove();
});

async function start(env: Record<string, string> = {}): Promise<Aerie> {
  const aerie = await startAerie({ ...place.env, ...env });
  started.push(aerie);
  return aerie;
}

/** Starts a server that is expected to give up. */
function fails(env: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ['dist/platform/main.js'], {
    env: { PATH: process.env.PATH, PORT: '0', ORBIT_PORT: '0', ...place.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return new Promise((resolve) => child.once('exit', (code) => resolve({ code, stderr })));
}

describe('a first start', () => {
  it('says where it listens, shows the admin token once, and what to do next', async () => {
    const first = await start({ ADMIN_TOKEN: '' });
    const token = /^ADMIN_TOKEN=(\S{32,})$/m.exec(first.stderr())?.[1];
    // What it says comes just after the line of the log by which the spec knows that it listens.
    await eventually(() => expect(first.stderr()).toContain(`listens on http://127.0.0.1:`));
    await eventually(() => expect(first.stderr()).toContain('/api/agents'));
    expect((await first.call('POST', '/api/users', token, { name: 'Grace' })).status).toBe(201);
    expect(first.stdout()).not.toContain(token);
    await first.stop();

    const second = await start({ ADMIN_TOKEN: '' });
    expect(second.stderr()).not.toContain('ADMIN_TOKEN');
    expect((await second.call('POST', '/api/users', token, { name: 'Grace' })).status).toBe(201);
  });
});

it('a first start that fails has shown the admin token, or made none', async () => {
  const port = `${await freePort()}`;
  const other = await folder();
  const blocker = await startAerie({ ...other.env, PORT: port });
  const { stderr } = await fails({ PORT: port });
  await blocker.stop();
  await other.remove();
  const second = await start({ ADMIN_TOKEN: '' });
  const [token, ...more] = [...`${stderr}\n${second.stderr()}`.matchAll(/^ADMIN_TOKEN=(\S{32,})$/gm)];
  expect((await second.call('POST', '/api/users', token?.[1], { name: 'Grace' })).status).toBe(201);
  expect(more).toEqual([]);
});

describe('a start that cannot be', () => {
  it.each([
    [{ PORT: 'http' }, 'Invalid PORT=http: expected a whole number'],
    [{ ADMIN_TOKEN: 'short' }, 'Invalid ADMIN_TOKEN: expected a secret'],
    [{ REDIS_URL: 'redis+sentinel://localhost' }, 'Invalid REDIS_URL: expected redis://'],
    // Where a folder cannot be made below one that is there.
    [{ DATA_DIR: '/proc/x' }, 'set DATA_DIR to a folder'],
    [{ DATA_DIR: '/proc/x/y/z' }, 'set DATA_DIR to a folder'],
    [{ DATA_DIR: '/dev/null' }, 'set DATA_DIR to a folder'],
    [{ DATA_DIR: '/proc/self' }, 'set DATA_DIR to a folder'],
  ])('%j ends with one line that says why', async (env, line) => {
    const { code, stderr } = await fails(env);
    expect(code).toBe(1);
    expect(stderr).toContain(line);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('on a folder that another server uses says so, and starts once that one was killed', async () => {
    const first = await start();
    const { code, stderr } = await fails({});
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    first.signal('SIGKILL');
    await first.exit;
    await start();
  });

  it('on a port that is taken says so', async () => {
    const port = `${await freePort()}`;
    await start({ PORT: port });
    const other = await folder();
    const { code, stderr } = await fails({ PORT: port, ...other.env });
    await other.remove();
    expect(code).toBe(1);
    expect(stderr).toContain(port);
  });
});

it('nothing acknowledged is lost when the process is killed', async () => {
  const first = await start();
  const agents = await Promise.all(Array.from({ length: 20 }, (_, at) => registerAgent(first, { metadata: { at } })));
  first.signal('SIGKILL');
  await first.exit;
  const second = await start();
  for (const [at, agent] of agents.entries()) {
    const { status, body } = await second.call('GET', `/api/agents/${agent.id}`, agent.apiKey);
    expect([status, body]).toEqual([200, { agent: expect.objectContaining({ id: agent.id, metadata: { at } }) }]);
  }
});

describe('operations', () => {
  it('/health, /ready and /metrics answer as the protocol says', async () => {
    const aerie = await start({ NETWORK_ID: 'spec', NODE_ID: 'node-1' });
    const agent = await registerAgent(aerie);
    const client = await connect(`${aerie.url}/socket?vsn=2.0.0&api_key=${agent.apiKey}`);
    expect((await aerie.call('GET', '/health')).body).toEqual({
      status: 'healthy',
      service: 'aerie',
      network_id: 'spec',
      node: 'node-1',
      version: expect.any(String),
      active_connections: 1,
      timestamp: expect.stringMatching(/Z$/),
    });
    expect((await aerie.call('GET', '/ready')).body).toEqual({
      status: 'ready',
      store: 'embedded',
      durability: 'fsync',
    });
    const metrics = String((await aerie.call('GET', '/metrics')).body);
    for (const line of [
      'aerie_connections 1',
      'aerie_joins_total 0',
      'aerie_pubsub_lag_seconds',
      'nodejs_eventloop_lag',
    ]) {
      expect(metrics).toContain(line);
    }
    await client.close();
  });

  it('/metrics is for the operator, or for this machine itself', async () => {
    const aerie = await start();
    const ask = (headers: Record<string, string>) =>
      fetch(`${aerie.url}/metrics`, { headers }).then(({ status }) => status);
    const agent = await registerAgent(aerie);
    expect(await ask({})).toBe(200);
    expect(await ask({ 'x-forwarded-for': '203.0.113.9' })).toBe(401);
    expect(await ask({ forwarded: 'for=203.0.113.9' })).toBe(401);
    expect(await ask({ forwarded: 'for=203.0.113.9', authorization: `Bearer ${agent.apiKey}` })).toBe(403);
    expect(await ask({ forwarded: 'for=203.0.113.9', authorization: `Bearer ${ADMIN_TOKEN}` })).toBe(200);
  });

  it('SIGTERM turns /ready, refuses new clients, moves the others with 1012 and ends with 0', async () => {
    const aerie = await start({ DRAIN_MS: '1500' });
    const agents = await Promise.all(Array.from({ length: 6 }, () => registerAgent(aerie)));
    const clients = await Promise.all(
      agents.map(({ apiKey }) => connect(`${aerie.url}/socket?vsn=2.0.0&api_key=${apiKey}`)),
    );
    aerie.signal('SIGTERM');
    const closing = Promise.all(clients.map((client) => client.closed()));
    while ((await aerie.call('GET', '/ready')).status === 200);
    const refused = await aerie.call('GET', '/ready');
    expect(refused).toMatchObject({
      status: 503,
      body: { reason: 'unavailable', detail: expect.stringContaining('draining') },
    });
    await expect(connect(`${aerie.url}/socket?vsn=2.0.0&api_key=${agents[0]?.apiKey}`)).rejects.toThrow();
    expect((await closing).map(({ code }) => code)).toEqual(clients.map(() => 1012));
    expect(await aerie.exit).toBe(0);
  });

  it.each([
    // Load balancers have a third of it to see that /ready has turned; then there is nobody to wait for.
    ['SIGTERM', '9000', 2_400, 7_000],
    ['SIGTERM', '3000', 900, 2_900],
    ['SIGTERM', '0', 0, 3_000],
    ['SIGINT', '9000', 0, 3_000],
  ] as const)(
    'without clients, %s with DRAIN_MS=%s ends it after %i to %i ms',
    async (signal, drainMs, fromMs, toMs) => {
      const aerie = await start({ DRAIN_MS: drainMs });
      const toldAt = Date.now();
      aerie.signal(signal);
      expect(await aerie.exit).toBe(0);
      expect(Date.now() - toldAt).toBeGreaterThan(fromMs);
      expect(Date.now() - toldAt).toBeLessThan(toMs);
    },
  );
});

it('credentials appear in no log, whatever is asked with them', async () => {
  const aerie = await start({ LOG_LEVEL: 'trace' });
  const agent = await registerAgent(aerie);
  const { body } = await aerie.call<{ token: string }>('POST', '/api/session_tokens', agent.apiKey, {});
  const client = new Client(aerie.url, { params: { api_key: agent.apiKey } });
  const topic = await client.join('agents:discovery');
  await topic.push('nope', {}).catch(() => {});
  await connect(`${aerie.url}/socket?vsn=2.0.0&session_token=${body.token}`).then((socket) => socket.send('garbage'));
  await connect(`${aerie.url}/socket?vsn=2.0.0&api_key=${agent.apiKey}x`).catch(() => {});
  await aerie.call('GET', `/api/agents/x?token=${body.token}`, agent.apiKey);
  await aerie.call('POST', '/api/agents', agent.apiKey, '{');
  await client.close();
  await aerie.stop();
  const output = aerie.stdout() + aerie.stderr();
  expect(output).toContain('connected');
  for (const secret of [ADMIN_TOKEN, agent.apiKey, body.token]) expect(output).not.toContain(secret);
});
