import { ADMIN_TOKEN, registerAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { atHome, type ControlNode, onEveryNode, ownedAgent } from './nodes.ts';

const SWARM = 'swarm-1';

onEveryNode('a multi-agent', (nodes) => {
  const inSwarm = (node: ControlNode, owner: string, id = SWARM) =>
    registerAgent(node, { user_id: owner, metadata: { multi_agent_id: id } });
  const configured = (id: string, version: number, configuration: object) => ({
    multi_agent_id: id,
    version,
    configuration,
  });

  it('is configured whole, its members are told once a version, and a join tells what holds', async () => {
    const { here, there } = nodes();
    const { user, owner, agent: other } = await ownedAgent(here);
    const member = await inSwarm(here, owner);
    const [home, elsewhere, outside] = await Promise.all([
      atHome(here, member),
      atHome(there, member),
      atHome(there, other),
    ]);
    expect(await home.topic.joined).toMatchObject({ configuration: null });
    const configuration = { topology: 'RING', coordinationStrategy: 'consensus', anything: { else: [1] } };
    const configure = (node: ControlNode, fields: object) =>
      node.control.configure(user, { 'multi-agentId': SWARM, configuration: fields });
    const first = { ok: true, multiAgentId: SWARM, version: 1, configuration, members: [member.id] };
    expect(await configure(here, configuration)).toEqual(first);
    const sameInOtherOrder = { anything: { else: [1] }, coordinationStrategy: 'consensus', topology: 'RING' };
    expect(await configure(there, sameInOtherOrder)).toEqual(first);
    // Whole: what is left out of the next one is gone.
    expect(await configure(there, { topology: 'STAR' })).toMatchObject({
      version: 2,
      configuration: { topology: 'STAR' },
    });
    for (const { topic } of [home, elsewhere]) {
      await eventually(() =>
        expect(topic.events('configuration')).toEqual([
          configured(SWARM, 1, configuration),
          configured(SWARM, 2, { topology: 'STAR' }),
        ]),
      );
    }
    expect(outside.topic.events('configuration')).toEqual([]);
    const later = await inSwarm(there, owner);
    const back = await atHome(here, later);
    expect(await back.topic.joined).toMatchObject({ configuration: configured(SWARM, 2, { topology: 'STAR' }) });
    expect(await configure(here, { topology: 'STAR' })).toMatchObject({ version: 2, members: [later.id, member.id] });
    await Promise.all([home, elsewhere, outside, back].map(({ client }) => client.close()));
  });

  it('is its owner’s alone: the same id of another user is another one, and the admin says whose it means', async () => {
    const { here, there } = nodes();
    const [mine, yours] = [await ownedAgent(here), await ownedAgent(there)];
    const member = await inSwarm(here, mine.owner);
    await inSwarm(there, yours.owner, 'other');
    const payload = { 'multi-agentId': SWARM, configuration: { topology: 'MESH' } };
    expect(await here.control.configure(mine.user, payload)).toMatchObject({ version: 1, members: [member.id] });
    expect(await here.control.configure(yours.user, payload)).toMatchObject({ version: 1, members: [] });
    const admin = { kind: 'admin' } as const;
    for (const owner of [undefined, 'nobody']) {
      expect(await there.control.configure(admin, { ...payload, ...(owner && { owner }) })).toMatchObject({
        code: 'INVALID_MESSAGE',
        path: '/payload/owner',
      });
    }
    const byAdmin = { 'multi-agentId': SWARM, owner: mine.owner, configuration: { topology: 'STAR' } };
    expect(await there.control.configure(admin, byAdmin)).toMatchObject({ version: 2, members: [member.id] });
    expect(await there.control.configure(mine.user, byAdmin)).toMatchObject({ version: 2 });
    expect(await there.control.configure(yours.user, byAdmin)).toMatchObject({
      code: 'COMMAND_FAILED',
      reason: 'forbidden',
    });
    expect(await here.control.configure(yours.user, payload)).toMatchObject({ version: 1 });
  });

  it('takes what the contract says, and at most 100 of one user', async () => {
    const { here, there } = nodes();
    const { user } = await ownedAgent(here);
    const targets = { maxLatency: 1, minThroughput: 1, targetSuccessRate: 1 };
    const tolerance = { enabled: true, redundancy: 1, heartbeatInterval: 1_000 };
    for (const [payload, path] of [
      [{ 'multi-agentId': 'a b', configuration: {} }, '/payload/multi-agentId'],
      [{ 'multi-agentId': SWARM }, '/payload'],
      [{ 'multi-agentId': SWARM, configuration: [] }, '/payload/configuration'],
      [{ 'multi-agentId': SWARM, configuration: { topology: 'LINE' } }, '/payload/configuration/topology'],
      [
        { 'multi-agentId': SWARM, configuration: { coordinationStrategy: 'x'.repeat(65) } },
        '/payload/configuration/coordinationStrategy',
      ],
      [
        { 'multi-agentId': SWARM, configuration: { faultTolerance: { ...tolerance, redundancy: 101 } } },
        '/payload/configuration/faultTolerance/redundancy',
      ],
      [
        { 'multi-agentId': SWARM, configuration: { faultTolerance: { ...tolerance, heartbeatInterval: 999 } } },
        '/payload/configuration/faultTolerance/heartbeatInterval',
      ],
      [
        { 'multi-agentId': SWARM, configuration: { performanceTargets: { ...targets, targetSuccessRate: 1.1 } } },
        '/payload/configuration/performanceTargets/targetSuccessRate',
      ],
      [{ 'multi-agentId': SWARM, configuration: { note: 'x'.repeat(48 * 1_024) } }, '/payload/configuration'],
    ] as const) {
      expect(await there.control.configure(user, payload)).toMatchObject({ code: 'INVALID_MESSAGE', path });
    }
    const configuration = {
      topology: 'HIERARCHICAL',
      coordinationStrategy: 'x'.repeat(64),
      faultTolerance: { ...tolerance, enabled: false },
    };
    const configure = (at: number) =>
      (at % 2 ? here : there).control.configure(user, { 'multi-agentId': `m-${at}`, configuration });
    for (let at = 0; at < 100; at++) expect(await configure(at)).toMatchObject({ version: 1 });
    expect(await configure(100)).toMatchObject({ code: 'COMMAND_FAILED', reason: 'too_many_multi_agents' });
    expect(await configure(99)).toMatchObject({ version: 1 });
  });

  it('whose targets are missed, or whose member is lost, raises alerts for its owner until they are met and it is back', async () => {
    const { here, there } = nodes();
    const made = await here.call<{ user: { id: string }; api_key: string }>('POST', '/api/users', ADMIN_TOKEN, {
      name: 'Grace',
    });
    const owner = made.body.user.id;
    const user = { kind: 'user', id: owner } as const;
    const [member, neverSeen] = [await inSwarm(here, owner), await inSwarm(here, owner)];
    const home = await atHome(there, member);
    const screen = new Client(here.url, { params: { api_key: made.body.api_key } });
    const topic = await screen.join(`analytics:user:${owner}`);
    await topic.push('subscribe_alerts', {});
    const configure = (fields: object) =>
      there.control.configure(user, { 'multi-agentId': SWARM, configuration: fields });
    const faultTolerance = { enabled: true, redundancy: 0, heartbeatInterval: 1_000 };
    const performanceTargets = { maxLatency: 0, minThroughput: 3, targetSuccessRate: 0.5 };
    await configure({ faultTolerance, performanceTargets });
    const missed = {
      id: expect.any(String),
      level: 'warning',
      kind: 'target_missed',
      agent_id: null,
      multi_agent_id: SWARM,
      message: expect.any(String),
      value: 0,
      threshold: 3,
      at: expect.any(String),
    };
    await eventually(() => expect(topic.events('alert')).toEqual([missed]), 30_000);
    const leftAt = Date.now();
    await home.client.close();
    const lost = {
      ...missed,
      kind: 'member_lost',
      value: expect.any(Number),
      threshold: 3,
      message: expect.stringContaining(member.id),
    };
    await eventually(() => expect(topic.events('alert')).toEqual([missed, lost]), 30_000);
    expect(Date.now() - leftAt).toBeGreaterThan(3_000);
    const [, { id: lostId }] = topic.events('alert') as [unknown, { id: string }];
    const other = await screen.join(`analytics:agent:${neverSeen.id}`);
    expect(await other.joined).toEqual({ alerts: [] });
    const later = new Client(there.url, { params: { api_key: made.body.api_key } });
    const joined = (await (await later.join(`analytics:user:${owner}`)).joined) as { alerts: unknown[] };
    expect(joined.alerts).toHaveLength(2);
    expect(joined.alerts).toEqual(expect.arrayContaining([missed, lost]));

    const back = await atHome(here, member);
    await configure({ faultTolerance, performanceTargets: { ...performanceTargets, minThroughput: 0 } });
    await eventually(() => expect(topic.events('alert_ended')).toHaveLength(2), 30_000);
    expect(topic.events('alert_ended')).toContainEqual({ id: lostId, agent_id: null, at: expect.any(String) });
    expect(topic.events('alert')).toHaveLength(2);
    await Promise.all([back.client, screen, later].map((client) => client.close()));
  });
});
