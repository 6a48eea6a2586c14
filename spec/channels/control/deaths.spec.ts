import type { ControlAnswer } from '../../../channels/control/feature.ts';
import { type Aerie, type Place, registerAgent, startAerie } from '../../support/aerie.ts';
import { deployments } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { atHome, newRequestId } from './nodes.ts';

const start = ({ env }: Place) =>
  startAerie({ ...env, HTTP_RATE_LIMIT: '0' }, 'spec/channels/control/commanding_node.mjs');

const call = (node: Aerie, id: string, payload: object) => node.call('POST', '/spec/calls', undefined, { id, payload });

const told = async (node: Aerie, id: string, count: number) =>
  eventually(async () => {
    const { body } = await node.call<ControlAnswer[]>('GET', `/spec/calls/${id}`);
    expect(body).toHaveLength(count);
    return body;
  });

describe.each(deployments)('a command whose node is killed, %s', (_name, count, makePlace) => {
  let place: Place;
  let nodes: Aerie[];
  beforeEach(async () => {
    place = await makePlace();
    nodes = await Promise.all(Array.from({ length: count }, () => start(place)));
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await place.remove();
  });

  /** Another node, or the same one again. */
  async function alive(dying: Aerie): Promise<Aerie> {
    await dying.exit;
    const other = nodes.find((node) => node !== dying) ?? (await start(place));
    nodes = [other];
    return other;
  }

  async function scene() {
    const [dying, other] = [nodes[0], nodes.at(-1)] as [Aerie, Aerie];
    const agent = await registerAgent(dying);
    const home = await atHome(other, agent);
    const id = newRequestId();
    return { dying, agent, home, id, payload: { targetAgent: agent.id, command: 'x' } };
  }

  it('after it was handed over: the same id finds it, and the agent’s answer, and hands over nothing again', async () => {
    const { dying, agent, home, id, payload } = await scene();
    await call(dying, id, payload);
    const [accepted] = await told(dying, id, 1);
    const command = await home.nextCommand();
    dying.signal('SIGKILL');
    const node = await alive(dying);
    const back = await atHome(node, agent);
    await call(node, id, payload);
    await told(node, id, 1);
    await back.answer({ request_id: command.request_id, result: 'done' });
    const [again, outcome] = await told(node, id, 2);
    expect(again).toEqual(accepted);
    expect(outcome).toMatchObject({ kind: 'completed', result: 'done' });
    expect([...home.commands(), ...back.commands()]).toHaveLength(1);
    await Promise.all([home.client.close(), back.client.close()]);
  });

  it('right before it counts as handed over: the id is free, and hands it over now', async () => {
    const { dying, agent, home, id, payload } = await scene();
    await dying.call('POST', '/spec/death', undefined, { side: 'before' });
    await call(dying, id, payload).catch(() => {});
    const node = await alive(dying);
    const back = await atHome(node, agent);
    await call(node, id, payload);
    const { request_id } = await back.nextCommand();
    await back.answer({ request_id });
    expect(await told(node, id, 2)).toMatchObject([{ kind: 'accepted' }, { kind: 'completed' }]);
    // Of two nodes the first socket is still there.
    for (const { commands } of [home, back]) {
      expect(commands().filter((command) => command.request_id !== request_id)).toEqual([]);
    }
    expect(back.commands()).toHaveLength(1);
    await Promise.all([home.client.close(), back.client.close()]);
  });

  it('right after it counts as handed over, before the agent has it: it is never handed over, and ends by its time', async () => {
    const { dying, agent, home, id, payload } = await scene();
    const hasty = { ...payload, timeout: 4_000 };
    await dying.call('POST', '/spec/death', undefined, { side: 'after' });
    await call(dying, id, hasty).catch(() => {});
    const node = await alive(dying);
    const back = await atHome(node, agent);
    await call(node, id, hasty);
    expect(await told(node, id, 2)).toMatchObject([{ kind: 'accepted' }, { kind: 'refused', reason: 'timeout' }]);
    expect([...home.commands(), ...back.commands()]).toEqual([]);
    await Promise.all([home.client.close(), back.client.close()]);
  });

  it('together with the agent’s last socket: it fails, as the agent does not come back', async () => {
    const [dying, other] = [nodes[0], nodes.at(-1)] as [Aerie, Aerie];
    const agent = await registerAgent(dying);
    const home = await atHome(dying, agent);
    const [id, payload] = [newRequestId(), { targetAgent: agent.id, command: 'x', timeout: 300_000 }];
    await call(other, id, payload);
    await home.nextCommand();
    dying.signal('SIGKILL');
    await home.client.close();
    const node = await alive(dying);
    if (node !== other) await call(node, id, payload);
    const [, outcome] = await told(node, id, 2);
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'agent_disconnected' });
  });
});
