import { ADMIN_TOKEN, folder, onRedis, registerAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { Chat, makeSession, registerUser } from '../session/people.ts';
import { taskFor } from '../task/members.ts';
import { type ObservedNode, Observer, observedNode } from './observing.ts';

describe.each([
  ['one node on the embedded store', folder, 1],
  ['two nodes on Redis', async () => onRedis(sharedRedisUrl()), 2],
] as const)('what is shown of agents, %s', (_name, makePlace, nodeCount) => {
  let place: Awaited<ReturnType<typeof folder>>;
  let here: ObservedNode;
  let there: ObservedNode;
  const nodes: ObservedNode[] = [];
  const clients: Client[] = [];
  const observers: Observer[] = [];

  beforeAll(async () => {
    place = await makePlace();
    here = await observedNode(place.env);
    there = nodeCount === 1 ? here : await observedNode(place.env);
    nodes.push(...new Set([here, there]));
  });
  afterEach(async () => {
    for (const observer of observers.splice(0)) observer.close();
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });
  afterAll(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await place.remove();
  });

  const client = (node: ObservedNode, apiKey: string) => {
    const made = new Client(node.url, { params: { api_key: apiKey } });
    clients.push(made);
    return made;
  };
  const observer = async (node: ObservedNode, audience: Observer['audience'] = { kind: 'admin' }) => {
    const made = await Observer.open(node.observation, audience);
    observers.push(made);
    return made;
  };

  it('goes through the states with their reasons', async () => {
    const [client1, provider] = await Promise.all([registerAgent(here), registerAgent(here)]);
    const seen = await observer(here);
    expect(seen.agent(provider.id)).toMatchObject({ state: 'OFFLINE', flags: 0, metadata: {}, full: true });
    const socket = client(there, provider.apiKey);
    await eventually(() => expect(seen.statesOf(provider.id)).toEqual([]));
    await socket.join(`messages:${provider.id}`);
    await eventually(() => expect(seen.statesOf(provider.id)).toEqual(['OFFLINE > INITIALIZING: Connected']));
    const discovery = await socket.join('agents:discovery');
    await eventually(() => expect(seen.agent(provider.id)?.state).toBe('IDLE'));
    const taskId = await taskFor(there, client1, provider);
    const task = await socket.join(`task:${taskId}`);
    await task.push('progress', { percent: 10 });
    await eventually(() => expect(seen.agent(provider.id)).toMatchObject({ state: 'EXECUTING', flags: 1 }));
    await discovery.push('update_metadata', { metadata: { status: 'busy' } });
    await eventually(() => expect(seen.agent(provider.id)?.state).toBe('BUSY'));
    await discovery.push('update_metadata', { metadata: {} });
    await eventually(() => expect(seen.agent(provider.id)?.state).toBe('EXECUTING'));
    await eventually(() => expect(seen.agent(provider.id)?.metadata).toMatchObject({ running: 1, sockets: 1 }));
    await task.push('complete', { result: 1 });
    await eventually(() => expect(seen.agent(provider.id)?.state).toBe('IDLE'));
    await new Promise<void>((resolve) => discovery.channel.leave().receive('ok', () => resolve()));
    await eventually(() => expect(seen.agent(provider.id)?.flags).toBe(0));
    expect(seen.agent(provider.id)?.state).toBe('IDLE');
    await socket.close();
    await eventually(() => expect(seen.agent(provider.id)?.state).toBe('OFFLINE'));
    expect(seen.statesOf(provider.id)).toEqual([
      'OFFLINE > INITIALIZING: Connected',
      'INITIALIZING > IDLE: Joined discovery',
      'IDLE > EXECUTING: Task assigned',
      'EXECUTING > BUSY: Presence updated',
      'BUSY > EXECUTING: Presence updated',
      'EXECUTING > IDLE: Task completed',
      'IDLE > OFFLINE: Disconnected',
    ]);
    const assigned = seen.of('state').find(({ reason }) => reason === 'Task assigned');
    expect(assigned?.metadata).toEqual({ taskId });
    await eventually(() => expect(seen.addedUp).toEqual(seen.snapshot));
  });

  it('has an agent work in a session', async () => {
    const [user, agent] = await Promise.all([registerUser(here), registerAgent(here)]);
    const seen = await observer(here);
    const access = await makeSession(there, user, { agent_id: agent.id });
    const socket = client(there, agent.apiKey);
    await socket.join('agents:discovery');
    const topic = await socket.join(`session:${access.session_id}`);
    const chat = await Chat.open(access, there);
    await eventually(() => expect(seen.agent(agent.id)?.state).toBe('IDLE'));
    chat.say('Well?');
    await eventually(() => expect(seen.agent(agent.id)?.state).toBe('EXECUTING'));
    await topic.push('agent_message', { content: 'Well.' });
    await eventually(() => expect(seen.agent(agent.id)?.state).toBe('IDLE'));
    expect(seen.statesOf(agent.id).slice(-2)).toEqual([
      'IDLE > EXECUTING: Session working',
      'EXECUTING > IDLE: Session answered',
    ]);
    await chat.socket.close();
  });

  it('shows agents to their owner in full, to whoever has to do with them in part, and to nobody else', async () => {
    const [owner, other, stranger] = await Promise.all([registerUser(here), registerUser(here), registerUser(here)]);
    const mine = await registerAgent(here, { user_id: owner.id, capabilities: [{ name: 'sums', price: '1' }] });
    const theirs = await registerAgent(here, { user_id: other.id, capabilities: [{ name: 'maps', price: '2' }] });
    const of = (id: string) => ({ kind: 'user', id }) as const;
    const [a, b, none] = await Promise.all([
      observer(here, of(owner.id)),
      observer(there, of(other.id)),
      observer(there, of(stranger.id)),
    ]);
    expect(a.snapshot.agents.map(({ agentId }) => agentId)).toEqual([mine.id]);
    const socket = client(there, mine.apiKey);
    await socket.join('agents:discovery');
    await eventually(() => expect(a.agent(mine.id)?.state).toBe('IDLE'));
    const sent = await here.call('POST', '/api/messages', mine.apiKey, {
      to_agent_id: theirs.id,
      type: 'hello',
      payload: { text: 'secret' },
    });
    expect(sent.status).toBe(201);
    await eventually(() => {
      expect(a.agent(theirs.id)).toMatchObject({ full: false, namespace: null, capabilities: ['maps'], metadata: {} });
      expect(b.agent(mine.id)).toMatchObject({ full: false, state: 'IDLE', flags: 1, performance: null });
      expect(b.agent(theirs.id)).toMatchObject({ full: true, metadata: { queued: 1 } });
    });
    await eventually(() => {
      expect(a.of('message')).toHaveLength(1);
      expect(b.of('message')).toHaveLength(1);
      expect(a.addedUp.edges).toHaveLength(1);
      expect(b.addedUp.edges).toEqual(a.addedUp.edges);
    });
    expect(none.sightings.filter(({ kind }) => kind !== 'system')).toEqual([]);
    expect(none.snapshot).toEqual({ agents: [], edges: [] });

    const moved = await here.call('PATCH', `/api/agents/${mine.id}`, ADMIN_TOKEN, { user_id: stranger.id });
    expect(moved.status).toBe(200);
    await eventually(() => {
      expect(a.of('hidden').map(({ agentId }) => agentId)).toEqual([mine.id]);
      expect(none.agent(mine.id)).toMatchObject({ full: true, namespace: stranger.id });
      expect(none.agent(theirs.id)).toMatchObject({ full: false });
    });
    expect(a.agent(mine.id)).toBeUndefined();
    for (const one of [a, b, none]) await eventually(() => expect(one.addedUp).toEqual(one.snapshot));
  });

  it('shows an app the agents of its tasks in part, and these tasks as edges', async () => {
    const made = await here.call<{ app: { id: string }; api_key: string }>('POST', '/api/apps', ADMIN_TOKEN, {
      name: 'A',
    });
    const { app, api_key: apiKey } = made.body;
    const [one, two, three] = await Promise.all([registerAgent(here), registerAgent(here), registerAgent(here)]);
    const seen = await observer(there, { kind: 'app', id: app.id });
    expect(seen.snapshot.agents).toEqual([]);
    const task = { client_agent_id: one.id, provider_agent_id: two.id };
    expect((await here.call('POST', '/api/tasks', apiKey, task)).status).toBe(201);
    await taskFor(here, one, three);
    await eventually(() => {
      expect(seen.addedUp.agents.map(({ agentId, full }) => [agentId, full])).toEqual(
        [
          [one.id, false],
          [two.id, false],
        ].sort((a, b) => (seen.agent(String(a[0]))?.wireId ?? 0) - (seen.agent(String(b[0]))?.wireId ?? 0)),
      );
      expect(seen.addedUp.edges).toEqual([`${[one.id, two.id].sort().join(' ')} task`]);
    });
    expect(seen.of('message')).toEqual([]);
    const again = await observer(here, { kind: 'app', id: app.id });
    expect(again.snapshot).toEqual(seen.snapshot);
  });

  it('tells what an agent has done, and that it fails', async () => {
    const owner = await registerUser(here);
    const [asking, working] = await Promise.all([registerAgent(here), registerAgent(here, { user_id: owner.id })]);
    const seen = await observer(here, { kind: 'user', id: owner.id });
    const socket = client(there, working.apiKey);
    await socket.join('agents:discovery');
    for (let at = 0; at < 6; at++) {
      const task = await socket.join(`task:${await taskFor(here, asking, working, { capability: 'sums' })}`);
      await task.push('progress', { percent: 1 });
      if (at < 2) await task.push('complete', { result: at });
      else await task.push('error', { type: 'oops', details: {} });
    }
    await eventually(() => expect(seen.agent(working.id)).toMatchObject({ state: 'ERROR', flags: 3 }), 30_000);
    expect(seen.of('alert').map(({ level, agentId }) => [level, agentId])).toEqual([['critical', working.id]]);
    expect(seen.statesOf(working.id).at(-1)).toMatch(/> ERROR: Alert raised$/);
    await eventually(() => {
      expect(seen.agent(working.id)?.performance).toMatchObject({
        metrics: {
          tasksCompleted: 2,
          successRate: 2 / 6,
          resourceUtilization: null,
          memoryUsage: null,
          connectionCount: 1,
        },
        trends: { successRateTrend: 'stable', loadTrend: 'increasing' },
      });
    }, 30_000);
    expect(seen.agent(working.id)?.performance?.metrics.averageResponseTime).toBeGreaterThanOrEqual(0);
    await eventually(() => expect(seen.addedUp).toEqual(seen.snapshot));
  });

  it('shows capabilities that come, change and go', async () => {
    const agent = await registerAgent(here, {
      capabilities: [
        { name: 'old', price: '1' },
        { name: 'kept', price: '1' },
      ],
    });
    const seen = await observer(there);
    const capabilities = [
      { name: 'kept', price: '2', category: 'art', level: 3 },
      { name: 'new', price: '1', description: 'fresh' },
    ];
    await here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { capabilities });
    await eventually(() => expect(seen.of('capability')).toHaveLength(3));
    expect(seen.of('capability').map(({ action, capability }) => [action, capability])).toEqual([
      ['remove', { name: 'old', category: null, level: null, description: null, price: '1' }],
      ['update', { name: 'kept', category: 'art', level: 3, description: null, price: '2' }],
      ['add', { name: 'new', category: null, level: null, description: 'fresh', price: '1' }],
    ]);
    expect(seen.addedUp).toEqual(seen.snapshot);
  });

  it('shows agents that are registered while somebody looks, and numbers them in order', async () => {
    const seen = await observer(there);
    const made: string[] = [];
    for (let at = 0; at < 5; at++) made.push((await registerAgent(here)).id);
    await eventually(() => expect(made.every((id) => seen.agent(id))).toBe(true));
    const numbers = made.map((id) => seen.agent(id)?.wireId ?? 0);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(5);
    expect(seen.addedUp).toEqual(seen.snapshot);
  });

  it('shows the system as a whole', async () => {
    const seen = await observer(here);
    await eventually(() => expect(seen.of('system').length).toBeGreaterThan(0));
    const { payload } = seen.of('system').at(-1) ?? {};
    expect(payload).toMatchObject({
      totalAgents: seen.snapshot.agents.length,
      activeAgents: seen.snapshot.agents.filter(({ state }) => state !== 'OFFLINE').length,
      systemLoad: { cpu: expect.any(Number), memory: expect.any(Number), gpu: null },
      messageMetrics: { rate: expect.any(Number), queueDepth: expect.any(Number) },
      networkHealth: 1,
      coordinationEfficiency: null,
      alerts: expect.any(Array),
      nodes: expect.any(Array),
    });
    expect((payload as { nodes: unknown[] }).nodes).toHaveLength(nodeCount);
  });
});
