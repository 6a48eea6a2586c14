import { jest } from '@jest/globals';
import type { Sighting } from '../../../channels/observation/scene.ts';
import { encodings } from '../../../gateways/visualisation/message.ts';
import { eventually } from '../../support/eventually.ts';
import { registerUser } from './people.ts';
import { type JsonMessage, PATHS, type StagedNode, seen, startStage, Wire } from './stage.ts';

let node: StagedNode;
beforeEach(async () => {
  node = await startStage();
  node.observation.agents = [seen(1)];
});
afterEach(() => node.stop());

const alert = (id: string): Sighting => ({
  kind: 'alert',
  atMs: 1,
  level: 'warning',
  agentId: null,
  payload: { alert: { id } },
});

describe('a viewer that does not read', () => {
  it('costs no other anything, and gets the newest once it reads again', async () => {
    const [slow, other] = await Promise.all([Wire.on(node), Wire.on(node)]);
    slow.socket.ws.pause();
    const long = 'x'.repeat(50_000);
    const rounds = 600;
    for (let round = 1; round <= rounds; round++) {
      node.observation.admin.see(alert(`${round} ${long}`), { kind: 'system', atMs: 1, payload: { round } });
      if (round % 20 === 0) await other.settle();
    }
    await other.settle();
    expect(other.of('alert').length).toBe(rounds);
    slow.socket.ws.resume();
    await eventually(() => expect(slow.of('system.metrics').at(-1)?.payload).toEqual({ round: rounds }));
    await slow.settle();
    const { length } = slow.of('alert');
    const skipped = slow.of('channel.skipped').reduce((sum, { payload }) => sum + Number(payload.count), 0);
    expect(length).toBeLessThan(rounds);
    expect(length + slow.of('system.metrics').length + skipped).toBe(2 * rounds);
    const ids = slow.json.flatMap(({ id }) => (id?.startsWith('msg-') ? [id] : []));
    expect(ids).toEqual(ids.map((_, at) => `msg-${at + 1}`));
    await Promise.all([slow.close(), other.close()]);
  });
});

describe('pausing', () => {
  it.each(['type', 'action'])(
    'as %s stops all but heartbeats, errors and results, and resuming sends a snapshot',
    async (as) => {
      const wire = await Wire.on(node);
      wire.send({ [as]: 'pause_updates' });
      await wire.settle();
      const before = wire.json.length;
      node.observation.admin.see(alert('a-1'));
      node.observation.admin.agents = [seen(1), seen(2)];
      node.observation.admin.see({ kind: 'registered', atMs: 1, agents: [seen(2)] });
      node.observation.admin.listener.lost();
      wire.send('nonsense');
      await wire.nextError();
      await wire.settle();
      expect(wire.json.slice(before).map(({ type }) => type)).toEqual(['error', 'heartbeat_ack']);
      wire.send({ [as]: 'resume_updates' });
      expect((await wire.next('snapshot.complete')).payload.agents).toBe(2);
      node.observation.admin.see(alert('a-2'));
      expect((await wire.next('alert')).payload).toEqual({ alert: { id: 'a-2' } });
      await wire.close();
    },
  );

  it('and resuming all the time brings a snapshot a second at most, the last of them after the last resume', async () => {
    const wire = await Wire.on(node);
    const before = wire.of('snapshot.complete').length;
    for (let round = 0; round < 20; round++) {
      wire.send({ type: 'pause_updates' });
      wire.send({ type: 'resume_updates' });
    }
    await wire.settle();
    expect(wire.of('snapshot.complete').length).toBeLessThanOrEqual(before + 2);
    wire.send({ type: 'pause_updates' });
    wire.send({ type: 'resume_updates' });
    await wire.next('snapshot.complete');
    node.observation.admin.see(alert('a-1'));
    await wire.next('alert');
    await wire.close();
  });
});

it('a node that ends tells its viewers to connect again, and closes them with 1012', async () => {
  const wires = await Promise.all(Object.values(PATHS).map((path) => Wire.on(node, path)));
  const stopped = node.stop(500);
  for (const wire of wires) {
    expect(await wire.refusal()).toMatchObject({ code: 1012, error: 'CONNECTION_FAILED' });
    expect(wire.of('error').at(-1)?.payload).toMatchObject({ recoverable: true, suggestedAction: 'reconnect' });
  }
  await stopped;
});

describe('two audiences', () => {
  it('that are told of the same have it encoded once, each with its own numbers', async () => {
    const user = await registerUser(node);
    const own = await Wire.open(node, PATHS.agents, { Authorization: `Bearer ${user.apiKey}` });
    await own.shakeHands([]);
    await own.next('snapshot.complete');
    const admin = await Wire.on(node, PATHS.agents, []);
    const before = encodings.messages;
    for (let round = 1; round <= 5; round++) {
      const both = alert(`a-${round}`);
      for (const scene of node.observation.scenes.values()) scene.see(both);
    }
    node.observation.admin.see(alert('of-the-admin'));
    await Promise.all([own.settle(), admin.settle()]);
    expect(encodings.messages - before).toBe(6);
    const told = ({ json }: Wire) =>
      json.filter(({ type }: JsonMessage) => type === 'alert').map(({ payload }) => payload);
    expect(told(admin)).toEqual([...told(own), { alert: { id: 'of-the-admin' } }]);
    expect(told(own).length).toBe(5);
    await Promise.all([own.close(), admin.close()]);
  });

  it('are each watched once on a node, as long as somebody looks', async () => {
    const open = jest.spyOn(node.observation, 'open');
    const wires = await Promise.all([Wire.on(node), Wire.on(node, PATHS.graph), Wire.on(node, PATHS.control)]);
    expect(open.mock.calls.length).toBe(1);
    const { admin } = node.observation;
    await wires[0]?.close();
    await wires[2]?.close();
    admin.see({ kind: 'edges', atMs: 1, edges: [], removed: [{ from: 'a', to: 'b' }] });
    await wires[1]?.next('graph.edges');
    expect(admin.isClosed).toBe(false);
    await wires[1]?.close();
    await eventually(() => expect(admin.isClosed).toBe(true));
    const again = await Wire.on(node);
    expect(open.mock.calls.length).toBe(2);
    await again.close();
  });
});
