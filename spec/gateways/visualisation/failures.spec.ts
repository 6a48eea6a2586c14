import { randomUUID } from 'node:crypto';
import { registerUser } from '../../channels/session/people.ts';
import {
  ADMIN_TOKEN,
  type Address,
  type Aerie,
  onRedis,
  registerAgent,
  startAerie,
  type TestAgent,
} from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { ownRedis, sharedRedisUrl } from '../../support/redis.ts';
import { PATHS, Wire } from './stage.ts';
import { manners, Viewer } from './viewer.ts';

const UNLIMITED = { HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', DRAIN_MS: '3000' };
const { agents, graph, control } = PATHS;
/** Longest time after which a socket of a dead credential is closed (VISUALISATION.md, section 9.1). */
const CLOSED_WITHIN_MS = 2_000;

async function send(node: Address, from: TestAgent, to: TestAgent): Promise<string> {
  const body = { to_agent_id: to.id, type: 'note', payload: {} };
  const sent = await node.call<{ message: { id: string } }>('POST', '/api/messages', from.apiKey, body);
  if (sent.status !== 201) throw new Error(`not sent: ${JSON.stringify(sent)}`);
  return sent.body.message.id;
}

/** Viewers of every kind that a principal has on a node, with their snapshots. */
async function looking(node: Address, apiKey: string): Promise<Viewer[]> {
  const kinds = [
    [agents, manners.compressed],
    [agents, manners.json],
    [graph, manners.compressed],
    [graph, manners.json],
  ] as const;
  const viewers = await Promise.all(kinds.map(([path, manner]) => Viewer.open(node, path, apiKey, manner)));
  for (const viewer of viewers) await eventually(() => expect(viewer.take().snapshots).toBe(1));
  return viewers;
}

const online = async (node: Address, { apiKey }: TestAgent) => {
  const client = new Client(node.url, { params: { api_key: apiKey } });
  await client.join('agents:discovery');
  return client;
};

describe('viewers on two nodes', () => {
  let nodes: Aerie[];
  let here: Aerie;
  let there: Aerie;
  beforeEach(async () => {
    const { env } = onRedis(sharedRedisUrl());
    nodes = await Promise.all([0, 1].map(() => startAerie({ ...env, ...UNLIMITED })));
    [here, there] = nodes as [Aerie, Aerie];
  });
  afterEach(() => Promise.all(nodes.map((node) => node.stop())));

  it('see agents of a node that is killed go offline, and all that comes after, on the sockets that they have', async () => {
    const [user, other] = [await registerUser(here), await registerUser(here)];
    const own = await registerAgent(there, { user_id: user.id });
    const theirs = await registerAgent(there, { user_id: other.id });
    await send(there, own, theirs);
    const viewers = [...(await looking(here, user.apiKey)), ...(await looking(here, ADMIN_TOKEN))];
    const clients = [await online(there, own), await online(there, theirs)];
    const states = (state: string) => {
      for (const viewer of viewers.filter(({ path }) => path === agents)) {
        for (const { id } of [own, theirs]) expect(viewer.take().agents.get(id)?.state).toBe(state);
      }
    };
    await eventually(() => states('IDLE'));
    there.signal('SIGKILL');
    await there.exit;
    await eventually(() => states('OFFLINE'), 60_000);
    const messageId = await send(here, theirs, own);
    for (const viewer of viewers.filter(({ path }) => path === graph)) {
      await eventually(() =>
        expect(
          viewer
            .take()
            .of('message.sent')
            .map(({ payload }) => payload.messageId),
        ).toContain(messageId),
      );
    }
    for (const { snapshots, faults } of viewers) expect([snapshots, faults]).toEqual([1, []]);
    await Promise.all([...viewers, ...clients].map((each) => each.close()));
  }, 180_000);

  it('are closed within 2 s, on whatever node, when their credential dies', async () => {
    const user = await registerUser(here);
    const second = await here.call<{ key_id: string; api_key: string }>(
      'POST',
      `/api/users/${user.id}/keys`,
      ADMIN_TOKEN,
      {},
    );
    expect(second.status).toBe(201);
    const token = await here.call<{ token: string }>('POST', '/api/session_tokens', user.apiKey, {});
    expect(token.status).toBe(201);
    const opened = (apiKey: string) =>
      Promise.all(
        nodes.flatMap((node) =>
          [agents, graph, control].map(async (path) => {
            const wire = await Wire.open(node, path, { Authorization: `Bearer ${apiKey}` });
            await wire.shakeHands();
            return wire;
          }),
        ),
      );
    const dying = [...(await opened(user.apiKey)), ...(await opened(token.body.token))];
    const living = await opened(second.body.api_key);
    const path = `/api/users/${user.id}/keys/${user.keyId}`;
    expect((await here.call('DELETE', path, ADMIN_TOKEN)).status).toBe(204);
    const deadMs = performance.now();
    for (const wire of dying) {
      expect(await wire.refusal()).toMatchObject({ code: 4401, error: 'AUTH_FAILED' });
      expect(performance.now() - deadMs).toBeLessThan(CLOSED_WITHIN_MS);
    }
    await Promise.all(living.map((wire) => wire.settle()));
    await Promise.all(living.map((wire) => wire.close()));
  });

  it('are told to connect again when their node drains, and find the same on the other', async () => {
    const user = await registerUser(here);
    const own = await registerAgent(here, { user_id: user.id });
    const viewers = await looking(there, user.apiKey);
    const wire = await Wire.on(there, control);
    there.signal('SIGTERM');
    for (const each of [...viewers.map((viewer) => viewer.wire), wire]) {
      expect(await each.refusal()).toMatchObject({ code: 1012, error: 'CONNECTION_FAILED' });
    }
    expect(await there.exit).toBe(0);
    const again = await looking(here, user.apiKey);
    for (const viewer of again) expect([...viewer.agents.keys()]).toEqual([own.id]);
    await Promise.all(again.map((viewer) => viewer.close()));
  });
});

describe('viewers while Redis is away', () => {
  it('keep their sockets, and are shown all anew once it is back', async () => {
    const redis = await ownRedis();
    const env = { ...UNLIMITED, REDIS_URL: redis.url, NETWORK_ID: `spec-${randomUUID()}` };
    const nodes = await Promise.all([0, 1].map(() => startAerie(env)));
    const [here, there] = nodes as [Aerie, Aerie];
    try {
      const user = await registerUser(here);
      const own = await registerAgent(here, { user_id: user.id });
      const other = await registerAgent(here);
      await send(here, own, other);
      const viewers = (
        await Promise.all([here, there].flatMap((node) => [looking(node, user.apiKey), looking(node, ADMIN_TOKEN)]))
      ).flat();
      await redis.kill();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      for (const { wire } of viewers) await wire.settle();
      await redis.start();
      for (const viewer of viewers) {
        await eventually(() => expect(viewer.take().snapshots).toBeGreaterThan(1), 60_000);
        expect(viewer.agents.size).toBe(2);
      }
      // What happens from then on is seen on both nodes.
      const messageId = await eventually(() => send(there, other, own), 60_000);
      const client = await online(here, own);
      for (const viewer of viewers) {
        await eventually(() => {
          viewer.take();
          if (viewer.path === agents) expect(viewer.agents.get(own.id)?.state).toBe('IDLE');
          else {
            const ids = viewer.of('message.sent').map(({ payload }) => payload.messageId);
            expect(ids).toContain(messageId);
          }
        }, 60_000);
        expect(viewer.faults).toEqual([]);
      }
      await Promise.all([...viewers, client].map((each) => each.close()));
    } finally {
      await Promise.all(nodes.map((node) => node.stop()));
      await redis.stop();
    }
  }, 240_000);
});
