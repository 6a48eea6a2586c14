import { type Aerie, onRedis, type Place, registerAgent, startAerie, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { taskFor } from '../task/members.ts';
import { type ObservedNode, Observer, observedNode } from './observing.ts';

const UNLIMITED = { HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', DRAIN_MS: '3000' };

describe('what is shown of agents whose node fails', () => {
  let place: Place;
  let here: ObservedNode;
  let failing: Aerie;
  let seen: Observer;
  let agent: TestAgent;
  let client: Client;

  beforeEach(async () => {
    place = onRedis(sharedRedisUrl());
    here = await observedNode(place.env);
    failing = await startAerie({ ...place.env, ...UNLIMITED });
    agent = await registerAgent(here);
    seen = await Observer.open(here.observation, { kind: 'admin' });
    client = new Client(failing.url, { params: { api_key: agent.apiKey }, reconnectAfterMs: () => 600_000 });
    await client.join('agents:discovery');
    await eventually(() => expect(seen.agent(agent.id)).toMatchObject({ state: 'IDLE', metadata: { sockets: 1 } }));
  });
  afterEach(async () => {
    seen.close();
    await client.close();
    await failing.stop();
    await here.stop();
    await place.remove();
  });

  it('is that they are terminating while it drains, and offline then', async () => {
    failing.signal('SIGTERM');
    await eventually(() => expect(seen.agent(agent.id)?.state).toBe('OFFLINE'), 30_000);
    // A drain may move a client away before its state has stood.
    const [, ...changes] = seen.statesOf(agent.id);
    expect(changes.at(-1)).toMatch(/> OFFLINE: (Disconnected|Left discovery)$/);
    await eventually(() => expect(seen.addedUp).toEqual(seen.snapshot));
  }, 120_000);

  it('is that they are offline once it is known to be dead, and that their tasks go on', async () => {
    const [asking] = await Promise.all([registerAgent(here)]);
    const taskId = await taskFor(here, asking, agent);
    const task = await client.join(`task:${taskId}`);
    await task.push('progress', { percent: 1 });
    await eventually(() => expect(seen.agent(agent.id)?.state).toBe('EXECUTING'));
    failing.signal('SIGKILL');
    await failing.exit;
    await eventually(() => expect(seen.agent(agent.id)).toMatchObject({ state: 'OFFLINE', flags: 0 }), 60_000);
    expect(seen.agent(agent.id)?.metadata).toEqual({ running: 1, queued: 1 });
    await eventually(() => {
      const { nodes, networkHealth } = seen.system as { nodes: unknown[]; networkHealth: number };
      expect([nodes.length, networkHealth]).toEqual([1, 1]);
    }, 30_000);
    await eventually(() => expect(seen.addedUp).toEqual(seen.snapshot));
    expect(seen.losses).toBe(0);
  }, 120_000);
});

describe('what is shown of agents while a node drains', () => {
  it('is that those are terminating whose sockets all hang on it', async () => {
    const place = onRedis(sharedRedisUrl());
    const [here, there] = [await observedNode(place.env), await observedNode(place.env)];
    const [moved, staying] = [await registerAgent(here), await registerAgent(here)];
    const seen = await Observer.open(here.observation, { kind: 'admin' });
    const at = (node: ObservedNode, { apiKey }: TestAgent) =>
      new Client(node.url, { params: { api_key: apiKey }, reconnectAfterMs: () => 600_000 });
    const clients = [at(there, moved), at(there, staying), at(here, staying)];
    for (const client of clients) await client.join('agents:discovery');
    await eventually(() => expect([moved, staying].map(({ id }) => seen.agent(id)?.metadata.sockets)).toEqual([1, 2]));
    // Many are moved away one after the other.
    const others = await Promise.all(Array.from({ length: 8 }, () => registerAgent(here)));
    const more = others.map((agent) => at(there, agent));
    await Promise.all(more.map((client) => client.join('agents:discovery')));
    const stopped = there.stop(8_000);
    await eventually(() => {
      const told = seen.of('state').filter(({ reason }) => reason === 'Node draining');
      expect(told.map(({ newState }) => newState)).toContain('TERMINATING');
    }, 30_000);
    await stopped;
    await eventually(() => expect(seen.agent(moved.id)?.state).toBe('OFFLINE'));
    expect(seen.agent(staying.id)?.state).toBe('IDLE');
    expect(seen.statesOf(staying.id).join()).not.toContain('TERMINATING');
    seen.close();
    await Promise.all([...clients, ...more].map((client) => client.close()));
    await here.stop();
    await place.remove();
  }, 120_000);
});
