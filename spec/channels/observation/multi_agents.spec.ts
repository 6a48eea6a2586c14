import { folder, onRedis, registerAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { registerUser } from '../session/people.ts';
import { type ObservedNode, Observer, observedNode } from './observing.ts';

const SWARM = 'swarm-1';

describe.each([
  ['one node on the embedded store', folder, 1],
  ['two nodes on Redis', async () => onRedis(sharedRedisUrl()), 2],
] as const)(
  'what is shown of what agents say of themselves, and of several together, %s',
  (_name, makePlace, count) => {
    let place: Awaited<ReturnType<typeof folder>>;
    let here: ObservedNode;
    let there: ObservedNode;
    const observers: Observer[] = [];
    const clients: Client[] = [];

    beforeAll(async () => {
      place = await makePlace();
      here = await observedNode(place.env);
      there = count === 1 ? here : await observedNode(place.env);
    });
    afterEach(async () => {
      for (const observer of observers.splice(0)) observer.close();
      await Promise.all(clients.splice(0).map((client) => client.close()));
    });
    afterAll(async () => {
      await Promise.all([...new Set([here, there])].map((node) => node.stop()));
      await place.remove();
    });

    const observer = async (node: ObservedNode, audience: Observer['audience']) => {
      const made = await Observer.open(node.observation, audience);
      observers.push(made);
      return made;
    };

    it('has an agent’s word of its machine among its figures', async () => {
      const [owner, other] = [await registerUser(here), await registerUser(here)];
      const agent = await registerAgent(here, { user_id: owner.id });
      const seen = await observer(here, { kind: 'user', id: owner.id });
      const unseen = await observer(here, { kind: 'user', id: other.id });
      const client = new Client(there.url, { params: { api_key: agent.apiKey } });
      clients.push(client);
      const home = await client.join(`agent:${agent.id}`);
      await home.push('vitals', { cpu: 0.5, memory: 1_024 });
      await eventually(() => {
        const { resourceUtilization, memoryUsage } = seen.agent(agent.id)?.performance?.metrics ?? {};
        expect([resourceUtilization, memoryUsage]).toEqual([0.5, 1_024]);
      }, 30_000);
      expect(unseen.of('performance')).toEqual([]);
    }, 60_000);

    it('tells the owner of a multi-agent and the admin of its alerts, and nobody else', async () => {
      const [owner, other] = [await registerUser(here), await registerUser(here)];
      await registerAgent(here, { user_id: owner.id, metadata: { multi_agent_id: SWARM } });
      const [own, theirs, admin] = [
        await observer(there, { kind: 'user', id: owner.id }),
        await observer(there, { kind: 'user', id: other.id }),
        await observer(here, { kind: 'admin' }),
      ];
      const configure = (minThroughput: number) =>
        here.control.configure(
          { kind: 'user', id: owner.id },
          {
            'multi-agentId': SWARM,
            configuration: { performanceTargets: { maxLatency: 1_000, minThroughput, targetSuccessRate: 0.5 } },
          },
        );
      expect(await configure(5)).toMatchObject({ ok: true });
      const alert = await eventually(() => {
        const [told] = own.of('alert');
        if (!told) throw new Error('no alert');
        return told;
      }, 40_000);
      expect(alert).toMatchObject({
        level: 'warning',
        agentId: null,
        payload: {
          agentId: null,
          alert: { kind: 'target_missed', agent_id: null, multi_agent_id: SWARM, threshold: 5 },
        },
      });
      await eventually(() => expect(admin.of('alert')).toContainEqual(alert));
      const late = await observer(here, { kind: 'user', id: owner.id });
      for (const seen of [own, admin, late]) {
        await eventually(() => {
          const { alerts } = seen.system as { alerts: object[] };
          expect(alerts).toContainEqual(expect.objectContaining({ component: 'target_missed', agentId: null }));
        }, 30_000);
      }
      await configure(0);
      await eventually(() => expect(own.of('alert_ended')).toHaveLength(1), 40_000);
      expect(own.of('alert_ended')[0]).toMatchObject({ id: (alert.payload as { alert: { id: string } }).alert.id });
      expect([...theirs.of('alert'), ...theirs.of('alert_ended')]).toEqual([]);
      expect(JSON.stringify(theirs.of('system'))).not.toContain('target_missed');
    }, 180_000);

    it('knows whether an agent of somebody else is seen, for those who command', async () => {
      const [owner, other] = [await registerUser(here), await registerUser(here)];
      const mine = await registerAgent(here, { user_id: owner.id });
      const theirs = await registerAgent(here, { user_id: other.id });
      const command = (id: string) =>
        new Promise<object>((resolve) => {
          const request = { id, payload: { targetAgent: theirs.id, command: 'stop' } };
          const call = there.control.execute({ kind: 'user', id: owner.id }, request, resolve);
          call.done.catch(() => {});
        });
      expect(await command('1')).toMatchObject({ kind: 'refused', code: 'AGENT_NOT_FOUND' });
      const message = { to_agent_id: theirs.id, type: 'note', payload: {} };
      expect((await here.call('POST', '/api/messages', mine.apiKey, message)).status).toBe(201);
      await eventually(async () =>
        expect(await command('2')).toMatchObject({ kind: 'refused', code: 'COMMAND_FAILED', reason: 'forbidden' }),
      );
    }, 60_000);
  },
);
