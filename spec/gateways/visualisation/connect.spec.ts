import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, registerAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { request, upgradeHeaders } from '../../support/frames.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { stopwatch } from '../../support/stopwatch.ts';
import { registerApp } from '../rpc/people.ts';
import { registerUser } from './people.ts';
import { ALL, PATHS, type StagedNode, startStage, Wire } from './stage.ts';

const bearer = (credential: string) => ({ Authorization: `Bearer ${credential}` });

async function status(node: StagedNode, path: string, headers: Record<string, string>): Promise<number> {
  const answer = await request('GET', `${node.url}${path}`, { headers: { ...upgradeHeaders, ...headers } });
  answer.socket?.destroy();
  return answer.status;
}

describe('connecting', () => {
  let node: StagedNode;
  beforeAll(async () => {
    node = await startStage({ settings: { maxViewers: 30 } });
  });
  afterAll(() => node.stop());

  it('takes the spellings of the addresses', async () => {
    const more = ['/api/visualization/agents/ws', '/agents/ws'];
    const paths = [...Object.values(PATHS), ...more].flatMap((path) => [path, `${path}/`]);
    for (const path of paths) {
      const wire = await Wire.open(node, path);
      expect(await wire.shakeHands()).toMatchObject({ type: 'handshake_ack' });
      await wire.close();
    }
    expect(await status(node, '/api/control', bearer(ADMIN_TOKEN))).toBe(404);
  });

  it('takes a credential from the header, or beside aerie.v1, which is all that it selects', async () => {
    const protocols = [
      `aerie.v1, bearer.${ADMIN_TOKEN}`,
      `bearer64.${Buffer.from(ADMIN_TOKEN).toString('base64url')},aerie.v1`,
    ];
    for (const protocol of protocols) {
      const wire = await Wire.open(node, PATHS.agents, { 'Sec-WebSocket-Protocol': protocol });
      expect(wire.socket.selected).toBe('aerie.v1');
      await wire.shakeHands();
      await wire.close();
    }
    expect(await status(node, PATHS.agents, { 'Sec-WebSocket-Protocol': `bearer.${ADMIN_TOKEN}` })).toBe(400);
    const differing = { ...bearer('another'), 'Sec-WebSocket-Protocol': `aerie.v1, bearer.${ADMIN_TOKEN}` };
    expect(await status(node, PATHS.agents, differing)).toBe(400);
    const inTheAddress = await Wire.open(node, `${PATHS.agents}?token=${ADMIN_TOKEN}`, {});
    expect(await inTheAddress.refusal()).toMatchObject({ code: 4401, error: 'AUTH_FAILED' });
  });

  it('answers by HTTP what is malformed or comes from a page of another host, before it looks at the credential', async () => {
    const wrong = bearer('nobody');
    expect(await status(node, PATHS.graph, { ...wrong, 'X-Requested-Protocols': 'binary' })).toBe(400);
    expect(await status(node, PATHS.graph, { ...wrong, Origin: 'https://elsewhere.example' })).toBe(403);
    const malformed = { 'Sec-WebSocket-Protocol': 'bearer.x', Origin: 'https://elsewhere.example' };
    expect(await status(node, PATHS.graph, malformed)).toBe(400);
    const both = { 'X-Requested-Protocols': 'binary', Origin: 'https://elsewhere.example' };
    expect(await status(node, PATHS.graph, both)).toBe(400);
  });

  it('accepts, tells and closes where the credential is no good, or its principal may not look', async () => {
    const [agent, app, user] = await Promise.all([registerAgent(node), registerApp(node), registerUser(node)]);
    const refusal = async (path: string, key: string) => (await Wire.open(node, path, bearer(key))).refusal();
    expect(await refusal(PATHS.agents, 'nobody')).toEqual({ code: 4401, error: 'AUTH_FAILED', reason: undefined });
    for (const path of Object.values(PATHS)) {
      const forbidden = { code: 4403, error: 'AUTH_FAILED', reason: 'forbidden' };
      expect(await refusal(path, agent.apiKey)).toEqual(forbidden);
      const ofUser = await Wire.open(node, path, bearer(user.apiKey));
      await ofUser.shakeHands();
      await ofUser.close();
      if (path === PATHS.control) expect(await refusal(path, app.apiKey)).toEqual(forbidden);
      else await (await Wire.open(node, path, bearer(app.apiKey))).close();
    }
    const scenes = [...node.observation.scenes.keys()];
    expect(scenes).toContain(`user:${user.id}`);
  });

  it('leaves binary out where the headers ask for json alone', async () => {
    const wire = await Wire.open(node, PATHS.agents, { ...bearer(ADMIN_TOKEN), 'X-Requested-Protocols': 'json' });
    expect(await wire.shakeHands(['binary'])).toMatchObject({ protocols: ['json'], version: '1.0' });
    await wire.close();
  });

  it('closes within 2 s when the credential dies, and stops showing', async () => {
    const user = await registerUser(node);
    const wire = await Wire.open(node, PATHS.agents, bearer(user.apiKey));
    await wire.shakeHands();
    const elapsedMs = stopwatch();
    expect((await node.call('DELETE', `/api/users/${user.id}/keys/${user.keyId}`, ADMIN_TOKEN)).status).toBe(204);
    expect(await wire.refusal()).toEqual({ code: 4401, error: 'AUTH_FAILED', reason: undefined });
    expect(elapsedMs()).toBeLessThan(2_000);
    await eventually(() => expect(node.observation.scenes.get(`user:${user.id}`)?.isClosed).toBe(true));
  });

  it('lets in no more than the node may have', async () => {
    const apps = await Promise.all(Array.from({ length: 2 }, () => registerApp(node)));
    const keys = Array.from({ length: 31 }, (_, at) => apps[at % 2]?.apiKey ?? '');
    const wires = await Promise.all(keys.slice(0, 30).map((key) => Wire.open(node, PATHS.agents, bearer(key))));
    const oneMore = await Wire.open(node, PATHS.agents, bearer(ADMIN_TOKEN));
    const full = { code: 1013, error: 'CONNECTION_FAILED', reason: 'too_many_viewers' };
    expect(await oneMore.refusal()).toEqual(full);
    await wires[0]?.close();
    await eventually(async () => {
      const wire = await Wire.open(node, PATHS.agents, bearer(ADMIN_TOKEN));
      await wire.shakeHands();
      await wire.close();
    });
    await Promise.all(wires.map((wire) => wire.close()));
  });
});

describe('two nodes', () => {
  it('let in 20 sockets of one principal together, and none beyond its sockets of every kind', async () => {
    const env = { REDIS_URL: sharedRedisUrl(), NETWORK_ID: `spec-${randomUUID()}` };
    const nodes = await Promise.all([startStage({ env }), startStage({ env })]);
    const [here, there] = nodes as [StagedNode, StagedNode];
    try {
      const wires = await Promise.all(
        Array.from({ length: 20 }, (_, at) => Wire.open(at % 2 ? here : there, PATHS.agents)),
      );
      await Promise.all(wires.map((wire) => wire.shakeHands(ALL)));
      for (const node of nodes) {
        const wire = await Wire.open(node, PATHS.control);
        expect(await wire.refusal()).toMatchObject({ code: 1013, error: 'CONNECTION_FAILED' });
      }
      const user = await registerUser(here);
      const other = await Wire.open(there, PATHS.control, bearer(user.apiKey));
      await other.shakeHands();
      // A credential that dies on one node closes sockets of the other.
      await here.call('DELETE', `/api/users/${user.id}/keys/${user.keyId}`, ADMIN_TOKEN);
      expect(await other.refusal()).toMatchObject({ code: 4401, error: 'AUTH_FAILED' });
      await Promise.all(wires.map((wire) => wire.close()));
      await eventually(async () => {
        const wire = await Wire.open(here, PATHS.graph);
        await wire.shakeHands();
        await wire.close();
      });
    } finally {
      await Promise.all(nodes.map((node) => node.stop()));
    }
  });
});
