import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { startTestServer, type TestServer } from '../../platform/testing.ts';
import { signingKeys } from '../support/signing.ts';

let servers: TestServer[];
beforeEach(() => {
  servers = [];
});
afterEach(() => Promise.all(servers.map((server) => server.stop())));

async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer({ env });
  servers.push(server);
  return server;
}

async function call({ url, adminToken }: TestServer, method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  const response = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() };
}

const register = (server: TestServer, id: string) =>
  call(server, 'POST', '/api/agents', { id, name: id, public_key: signingKeys().publicKey });
const statusOf = async (server: TestServer, id: string) => (await call(server, 'GET', `/api/negotiations/${id}`)).body;

describe('a whole server in the process', () => {
  it('is there at once, answers, and leaves nothing behind', async () => {
    const before = readdirSync(tmpdir());
    await (await startTestServer()).stop();
    const startedAtMs = performance.now();
    const server = await startTestServer();
    const tookMs = performance.now() - startedAtMs;
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    const made = readdirSync(tmpdir()).filter((name) => name.startsWith('aerie-test-') && !before.includes(name));
    expect(made.length).toBeGreaterThan(0);
    await server.stop();
    await expect(fetch(`${server.url}/ready`)).rejects.toThrow();
    expect(made.filter((name) => existsSync(`${tmpdir()}/${name}`))).toEqual([]);
    // Some 100 ms on a quiet machine; a busy one may be ten times slower.
    expect(tookMs).toBeLessThan(5_000);
  });

  it('has its clock moved, and has done by then what is due', async () => {
    const server = await start();
    for (const id of ['ada', 'bob']) expect((await register(server, id)).status).toBe(201);
    const terms = { client_agent_id: 'ada', provider_agent_id: 'bob', base_price: '1', expires_in_ms: 3_600_000 };
    expect(await call(server, 'POST', '/api/negotiations', { id: 'n-1', ...terms })).toMatchObject({ status: 201 });
    await server.advance(3_599_000 - 60_000);
    expect(await statusOf(server, 'n-1')).toMatchObject({ session: { status: 'open' } });
    await server.advance(120_000);
    expect(await statusOf(server, 'n-1')).toMatchObject({ session: { status: 'expired' } });
    // Not merely shown so: the deadline was handled before `advance` resolved.
    const metrics = await fetch(`${server.url}/metrics`);
    expect(await metrics.text()).toMatch(/^aerie_deadlines_handled_total\{kind="negotiation"\} 1$/m);
    await expect(server.advance(-1)).rejects.toThrow('advance(-1): expected 0 or more milliseconds');
  });

  it('takes the variables that the server takes, and runs beside another', async () => {
    const [one, other] = [await start({ NETWORK_ID: 'one' }), await start()];
    await register(one, 'ada');
    expect((await call(one, 'GET', '/api/agents/ada')).status).toBe(200);
    expect((await call(other, 'GET', '/api/agents/ada')).status).toBe(404);
    await expect(startTestServer({ env: { MAX_FRAME_BYTES: 'many' } })).rejects.toThrow('Invalid MAX_FRAME_BYTES=many');
  });
});
