import { randomUUID } from 'node:crypto';
import { atHome, type Commanded } from '../../channels/control/nodes.ts';
import { registerUser, type TestUser } from '../../channels/session/people.ts';
import {
  ADMIN_TOKEN,
  type Address,
  type Aerie,
  folder,
  onRedis,
  registerAgent,
  startAerie,
  type TestAgent,
} from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { type JsonMessage, PATHS, Wire } from './stage.ts';
import { manners, Viewer } from './viewer.ts';

const bearer = (apiKey: string) => ({ Authorization: `Bearer ${apiKey}` });

async function commanding(node: Address, apiKey: string): Promise<Wire> {
  const wire = await Wire.open(node, PATHS.control, bearer(apiKey));
  await wire.shakeHands();
  return wire;
}

const command = (id: string, targetAgent: string, payload: object = {}) => ({
  id,
  type: 'control.execute',
  timestamp: new Date().toISOString(),
  payload: { targetAgent, command: 'go', ...payload },
});

/** Frames to a socket about one request, without heartbeats and others. */
const answersTo = (wire: Wire, id: string) =>
  wire.json.filter((message) => message.metadata?.correlationId === id).map(({ type, payload }) => ({ type, payload }));

async function errorTo(wire: Wire, message: { readonly id: string }): Promise<JsonMessage['payload']> {
  wire.send(message);
  return eventually(() => {
    const told = wire.of('error').find(({ payload }) => payload.details?.requestId === message.id);
    if (!told) throw new Error(`no error yet: ${JSON.stringify(wire.json.slice(-3))}`);
    return told.payload;
  });
}

const sendMessage = (node: Address, from: TestAgent, to: { readonly id: string }) =>
  node.call('POST', '/api/messages', from.apiKey, { to_agent_id: to.id, type: 'note', payload: {} });

onEveryDeployment('commands over the wire', (deployment) => {
  let here: Aerie;
  let there: Aerie;
  let owner: TestUser;
  let agent: TestAgent;
  beforeEach(async () => {
    ({ here, there } = deployment());
    owner = await registerUser(here);
    agent = await registerAgent(there, { user_id: owner.id });
  });

  it('reach the agent once, and are answered on every socket that sends the same, also on later ones', async () => {
    const [home, second] = [await atHome(there, agent), await atHome(here, agent)];
    const wires = await Promise.all([here, there, here].map((node) => commanding(node, owner.apiKey)));
    const id = `r-${randomUUID()}`;
    const sent = command(id, agent.id, { parameters: { speed: 3 } });
    for (const wire of wires) wire.send(sent);
    const handed = await home.nextCommand();
    expect(handed).toMatchObject({ command: 'go', parameters: { speed: 3 }, requested_by: `user:${owner.id}` });
    await eventually(() => {
      for (const wire of wires) expect(answersTo(wire, id).map(({ type }) => type)).toEqual(['control.accepted']);
    });
    // One that goes, and comes back before the outcome is there.
    await wires[2]?.close();
    const back = await commanding(there, owner.apiKey);
    back.send(sent);
    await back.next('control.accepted');
    await home.answer({ request_id: handed.request_id, result: { at: [1, null] } });
    const late = await commanding(here, owner.apiKey);
    late.send(sent);
    for (const wire of [wires[0], wires[1], back, late] as Wire[]) {
      await eventually(() =>
        expect(answersTo(wire, id)).toEqual([
          { type: 'control.accepted', payload: { requestId: handed.request_id, targetAgent: agent.id } },
          {
            type: 'control.result',
            payload: {
              requestId: handed.request_id,
              targetAgent: agent.id,
              status: 'completed',
              result: { at: [1, null] },
              durationMs: expect.any(Number),
            },
          },
        ]),
      );
    }
    expect(await errorTo(late, command(id, agent.id, { parameters: { speed: 4 } }))).toMatchObject({
      code: 'INVALID_MESSAGE',
    });
    // The id is this principal's alone.
    const ofAdmin = await commanding(there, ADMIN_TOKEN);
    ofAdmin.send(sent);
    await eventually(() => expect(home.commands()).toHaveLength(2));
    expect((home.commands()[1] as Commanded).requested_by).toBe('admin');
    await eventually(() => expect(second.commands()).toHaveLength(2));
    await Promise.all([...wires.slice(0, 2), back, late, ofAdmin].map((wire) => wire.close()));
    await Promise.all([home.client.close(), second.client.close()]);
  });

  it('are refused to whoever may not give them, and nothing is said of agents that are not seen', async () => {
    const [stranger, partner] = [await registerUser(here), await registerUser(here)];
    const theirs = await registerAgent(here, { user_id: partner.id });
    await sendMessage(here, theirs, agent);
    const home = await atHome(there, agent);
    const wire = await commanding(there, stranger.apiKey);
    for (const target of [agent.id, 'nobody', 'a b', '../x', 'constructor', '']) {
      const payload = await errorTo(wire, command(`r-${randomUUID()}`, target));
      expect([target, payload.code]).toEqual([target, 'AGENT_NOT_FOUND']);
    }
    const seenInPart = await commanding(there, partner.apiKey);
    // Another node knows of it once it is recorded.
    await eventually(async () =>
      expect(await errorTo(seenInPart, command(`r-${randomUUID()}`, agent.id))).toMatchObject({
        code: 'COMMAND_FAILED',
        details: { reason: 'forbidden' },
        recoverable: false,
      }),
    );
    const own = await commanding(here, owner.apiKey);
    await home.client.close();
    const offline = () => errorTo(own, command(`r-${randomUUID()}`, agent.id));
    await eventually(async () => expect((await offline()).details?.reason).toBe('agent_offline'));
    await here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect(await errorTo(own, command('s', agent.id))).toMatchObject({ details: { reason: 'agent_suspended' } });
    // Whoever loses an agent loses the say over it.
    await here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'active', user_id: partner.id });
    expect(await errorTo(own, command('t', agent.id))).toMatchObject({
      code: expect.stringMatching(/AGENT_NOT_FOUND|COMMAND_FAILED/),
    });
    expect(home.commands()).toEqual([]);
    await Promise.all([wire, seenInPart, own].map((each) => each.close()));
  });

  it('make coordinations, whose end is told once, and what is proposed to nobody who sees none of its agents in full', async () => {
    const [other, third] = [await registerUser(here), await registerUser(here)];
    const [voter, theirs] = [
      await registerAgent(here, { user_id: other.id }),
      await registerAgent(here, { user_id: third.id }),
    ];
    // Sees the initiator in part.
    await sendMessage(here, theirs, agent);
    const proposal = `proposed-${randomUUID()}`;
    const looking = [owner, other, third].flatMap(({ apiKey }) =>
      [here, there].flatMap((node) =>
        [manners.compressed, manners.json].map(async (manner) => ({
          apiKey,
          viewer: await Viewer.open(node, PATHS.agents, apiKey, manner),
        })),
      ),
    );
    const viewers = await Promise.all(looking);
    for (const { viewer } of viewers) await eventually(() => expect(viewer.take().snapshots).toBe(1));
    const wire = await commanding(there, owner.apiKey);
    const payload = {
      pattern: 'CONSENSUS',
      initiator: { id: agent.id },
      participants: [{ id: voter.id }],
      parameters: { proposal: { text: proposal }, timeout: 60_000 },
    };
    wire.send({ id: 'c-1', type: 'coordination.initiate', timestamp: 't', payload });
    const initiated = await wire.next('coordination.initiated');
    expect(initiated.metadata?.correlationId).toBe('c-1');
    const { coordinationId } = initiated.payload;
    const clients = [
      new Client(here.url, { params: { api_key: agent.apiKey } }),
      new Client(there.url, { params: { api_key: voter.apiKey } }),
    ];
    const topics = await Promise.all(clients.map((client) => client.join(`coordination:${coordinationId}`)));
    const [first, second] = topics as [Topic, Topic];
    await first.push('vote', { vote: 'approve' });
    await Promise.all([first.push('vote', { vote: 'approve' }), second.push('vote', { vote: 'approve' })]);
    for (const { apiKey, viewer } of viewers) {
      const isMember = apiKey !== third.apiKey;
      await eventually(() => {
        const told = ['initiated', 'progress', 'ended'].map((event) => viewer.take().of(`coordination.${event}`));
        if (isMember) expect(told.map(({ length }) => length)).toEqual([1, expect.any(Number), 1]);
        const [ended] = told[2] ?? [];
        if (isMember) expect(ended?.payload).toMatchObject({ coordinationId, status: 'APPROVED', progress: 1 });
        else expect(told.flat()).toEqual([]);
        expect(viewer.faults).toEqual([]);
      });
      await viewer.wire.settle();
      viewer.take();
      expect(viewer.heard.includes(proposal)).toBe(isMember);
      expect(viewer.heard.includes(String(coordinationId))).toBe(isMember);
    }
    wire.send({ id: 'c-2', type: 'coordination.initiate', payload: { ...payload, initiator: { id: theirs.id } } });
    await eventually(() =>
      expect(wire.of('error').at(-1)?.payload).toMatchObject({ code: 'COMMAND_FAILED', details: { requestId: 'c-2' } }),
    );
    await Promise.all([
      wire.close(),
      ...viewers.map(({ viewer }) => viewer.close()),
      ...clients.map((client) => client.close()),
    ]);
  });
});

it('a command is handed over once, and its outcome found, though the node that took it is killed', async () => {
  const { env } = onRedis(sharedRedisUrl());
  const nodes = await Promise.all([0, 1].map(() => startAerie(env)));
  const [failing, staying] = nodes as [Aerie, Aerie];
  const owner = await registerUser(staying);
  const agent = await registerAgent(staying, { user_id: owner.id });
  const home = await atHome(staying, agent);
  const wire = await commanding(failing, owner.apiKey);
  const sent = command('r-1', agent.id, { timeout: 120_000 });
  wire.send(sent);
  const handed = await home.nextCommand();
  failing.signal('SIGKILL');
  await failing.exit;
  const again = await commanding(staying, owner.apiKey);
  again.send(sent);
  expect((await again.next('control.accepted')).payload).toEqual({
    requestId: handed.request_id,
    targetAgent: agent.id,
  });
  await home.answer({ request_id: handed.request_id, result: 7 });
  expect((await again.next('control.result')).payload).toMatchObject({ requestId: handed.request_id, result: 7 });
  expect(home.commands()).toHaveLength(1);
  await again.close();
  await home.client.close();
  await staying.stop();
}, 120_000);

it('a large command that is sent again and again keeps no memory while its outcome is awaited', async () => {
  const place = await folder();
  const measured = { NODE_OPTIONS: '--import=./spec/support/memory_on_signal.mjs' };
  const node = await startAerie({ ...place.env, ...measured, RATE_LIMIT: '0', HTTP_RATE_LIMIT: '0' });
  let measures = 0;
  const holds = async () => {
    measures++;
    node.signal('SIGUSR2');
    const all = () => node.stderr().match(/(?<=holds )\d+/g) ?? [];
    await eventually(() => expect(all().length).toBe(measures));
    return Number(all().at(-1));
  };
  const owner = await registerUser(node);
  const agent = await registerAgent(node, { user_id: owner.id });
  const home = await atHome(node, agent);
  const wires = await Promise.all([1, 2, 3, 4].map(() => commanding(node, owner.apiKey)));
  const parameters = { x: Array.from({ length: 15_000 }, () => []) };
  const sent = command('r-1', agent.id, { parameters, timeout: 300_000 });
  wires[0]?.send(sent);
  await home.nextCommand();
  const before = await holds();
  const repeats = 99;
  for (const wire of wires) {
    for (let nth = 0; nth < repeats; nth++) {
      wire.send(sent);
      await wire.next('control.accepted');
    }
  }
  expect((await holds()) - before).toBeLessThan(50 * 1_048_576);
  expect(home.commands()).toHaveLength(1);
  await Promise.all([...wires, home.client].map((each) => each.close()));
  await node.stop();
  await place.remove();
}, 180_000);
