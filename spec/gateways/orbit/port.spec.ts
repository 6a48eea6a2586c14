import { ADMIN_TOKEN, folder, type Place } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, request, upgradeHeaders } from '../../support/frames.ts';
import { freePort } from '../../support/free_port.ts';
import { spawn } from '../../support/spawn.ts';
import { type OrbitNode, Page, startOrbit } from './people.ts';

const TOKEN = 'a-token-of-thirty-two-characters-or-more';

let place: Place;
let node: OrbitNode | undefined;
beforeEach(async () => {
  place = await folder();
});
afterEach(async () => {
  await node?.aerie.stop();
  node = undefined;
  await place.remove();
});

async function start(env: Record<string, string> = {}): Promise<OrbitNode> {
  node = await startOrbit(place, env);
  return node;
}

const get = (port: number, path = '/health', headers: Record<string, string> = {}, method = 'GET') =>
  request(method, `http://127.0.0.1:${port}${path}`, { headers });
const upgrade = async (port: number, headers: Record<string, string> = {}, path = '/ws') => {
  const { status, socket } = await get(port, path, { ...upgradeHeaders, ...headers });
  socket?.destroy();
  return status;
};

it('is healthy, and counts the open sockets', async () => {
  const { port } = await start();
  const health = async (headers = {}) => JSON.parse((await get(port, '/health', headers)).body);
  const pages = await Promise.all([Page.open({ port }), Page.open({ port })]);
  expect(await health()).toEqual({
    status: 'healthy',
    service: 'ORBIT WebSocket Server',
    active_connections: 2,
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
  await Promise.all(pages.map(({ socket }) => socket.close()));
  await eventually(async () => expect(await health()).toHaveProperty('active_connections', 0));
});

it('listens on every loopback address, and on no other', async () => {
  const { port } = await start();
  const ipv6 = await connect(`ws://[::1]:${port}/ws`);
  await ipv6.close();
  expect(await upgrade(port, { Host: `localhost:${port}` })).toBe(101);
});

it('serves pages of the same host and of the allowed origins, and the names of this machine', async () => {
  const { port } = await start({ ORBIT_ORIGINS: 'https://chat.example.com' });
  const own = { Host: `localhost:${port}` };
  expect(await upgrade(port, { ...own, Origin: 'http://localhost:3000' })).toBe(101);
  expect(await upgrade(port, { ...own, Origin: 'https://chat.example.com' })).toBe(101);
  expect(await upgrade(port, { Host: `chat.example.com:${port}`, Origin: 'https://chat.example.com' })).toBe(101);
  expect(await upgrade(port, { ...own, Origin: 'https://evil.example' })).toBe(403);
  expect(await upgrade(port, { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` })).toBe(421);
  expect(await upgrade(port, { Host: 'evil.example' })).toBe(421);
  expect(await upgrade(port, { Host: 'evil.example' }, '/other')).toBe(421);
});

it('answers HTTP: 404, 405 with Allow, 426, 421, 403, and CORS for the allowed origins', async () => {
  const { port } = await start();
  const origin = 'http://localhost:3000';
  const of = async (...args: Parameters<typeof get>) => {
    const { status, headers } = await get(...args);
    return { status, allow: headers.allow, origin: headers['access-control-allow-origin'] };
  };
  expect(await of(port, '/health', { Origin: origin })).toEqual({ status: 200, allow: undefined, origin });
  expect(await of(port, '/health', { Origin: 'https://evil.example' })).toMatchObject({
    status: 403,
    origin: undefined,
  });
  expect(await of(port, '/health', { Host: 'evil.example' })).toMatchObject({ status: 421 });
  expect(await of(port, '/health', {}, 'POST')).toMatchObject({ status: 405, allow: 'GET, HEAD, OPTIONS' });
  expect(await of(port, '/other')).toMatchObject({ status: 404 });
  expect(await of(port, '/api/me')).toMatchObject({ status: 404 });
  expect(await of(port, '/ws')).toMatchObject({ status: 426 });
  expect(await of(port, '/ws', {}, 'DELETE')).toMatchObject({ status: 405, allow: 'GET' });
  expect(await upgrade(port, {}, '/other')).toBe(404);
  const preflight = await get(port, '/health', { Origin: origin, 'Access-Control-Request-Method': 'GET' }, 'OPTIONS');
  expect(preflight).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': origin } });
});

it('takes as many sockets as it may, then 503', async () => {
  const { port } = await start({ ORBIT_MAX_SOCKETS: '2' });
  const pages = [await Page.open({ port }), await Page.open({ port })];
  expect(await upgrade(port)).toBe(503);
  await pages[0]?.socket.close();
  await eventually(async () => expect(await upgrade(port)).toBe(101));
});

it('with a token wants it of everybody, and takes any host', async () => {
  const { port } = await start({ ORBIT_TOKEN: TOKEN, ORBIT_HOST: '0.0.0.0' });
  for (const query of ['', '?token=', '?token=wrong', `?token=${ADMIN_TOKEN}`]) {
    const page = await Page.open({ port }, query);
    expect(await page.socket.ended()).toMatchObject({ code: 4001 });
    expect(page.told).toMatchObject([{ type: 'error', data: { message: 'Authentication failed' } }]);
  }
  const page = await Page.open({ port }, `?token=${TOKEN}`, { Host: 'anything.example' });
  await page.until('agent_start');
  await page.socket.close();
  expect((await get(port)).status).toBe(200);
});

it('without one refuses a token that is none, and counts no such socket', async () => {
  const { port } = await start({ ORBIT_MAX_SOCKETS: '1' });
  for (let at = 0; at < 3; at++) {
    const page = await Page.open({ port }, '?token=wrong');
    expect(await page.socket.ended()).toMatchObject({ code: 4001 });
    expect(page.types).toEqual(['error']);
  }
  expect(await upgrade(port)).toBe(101);
});

it('closes sockets with 1012 when the node drains, and stays healthy meanwhile', async () => {
  const { port, aerie } = await start({ DRAIN_MS: '1500' });
  const page = await Page.open({ port });
  aerie.signal('SIGTERM');
  await eventually(async () => expect(await upgrade(port)).toBe(503));
  expect((await get(port)).status).toBe(200);
  expect(await page.socket.ended()).toMatchObject({ code: 1012 });
});

it('closes a frame that is too large with 1009, and a silent client with 1001', async () => {
  const { port } = await start({ MAX_FRAME_BYTES: '1024', SOCKET_TIMEOUT_MS: '1000' });
  const [loud, silent] = [await Page.open({ port }), await Page.open({ port })];
  loud.say('x'.repeat(1_025));
  expect((await loud.socket.ended()).code).toBe(1009);
  // What comes in a paused stream is not answered.
  silent.socket.ws.pause();
  await eventually(async () => expect(JSON.parse((await get(port)).body)).toHaveProperty('active_connections', 0));
  silent.socket.ws.resume();
  expect((await silent.socket.ended()).code).toBe(1001);
});

describe('a port that another process has', () => {
  /** Starts a node that is expected to give up. */
  async function fails(env: Record<string, string>) {
    const other = await folder();
    const child = spawn(process.execPath, ['dist/platform/main.js'], {
      env: { PATH: process.env.PATH, PORT: '0', ADMIN_TOKEN, ...other.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    await other.remove();
    return { code, stderr };
  }

  it('stops the start with one line where the variable is set', async () => {
    const { port } = await start();
    const { code, stderr } = await fails({ ORBIT_PORT: `${port}` });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `Aerie cannot start: cannot listen on 127.0.0.1:${port}: the address is in use, or not one of this machine; set ORBIT_PORT or ORBIT_HOST\n`,
    );
  });

  it('is done without, with one warning, where it is not set', async () => {
    // Either this node takes the usual port or another process has it: the second one does without.
    const other = await folder();
    const usual = [await startOrbit(place, { ORBIT_PORT: '' }), await startOrbit(other, { ORBIT_PORT: '' })];
    const said = usual[1]?.aerie.stdout() ?? '';
    await Promise.all(usual.map(({ aerie }) => aerie.stop()));
    await other.remove();
    const lines = said.split('\n').filter((line) => line.includes('port left closed'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', reason: expect.stringContaining(':9000') });
  });

  it('stops the start where the host is not this machine’s and there is no token', async () => {
    const { code, stderr } = await fails({ ORBIT_PORT: `${await freePort()}`, ORBIT_HOST: '0.0.0.0' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Aerie cannot start: Invalid ORBIT_HOST=0\.0\.0\.0: expected a loopback address.*\.\n$/);
  });
});
