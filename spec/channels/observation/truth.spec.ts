import { randomInt } from 'node:crypto';
import type { Audience } from '../../../channels/observation/scene.ts';
import { onRedis } from '../../support/aerie.ts';
import { networkOf } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { pickWith, randomFrom } from '../../support/random.ts';
import { doAtRandom } from '../../support/random_deeds.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { forbiddenOf } from './forbidden.ts';
import { type ObservedNode, Observer, observedNode } from './observing.ts';
import { countedAgents, edgesSeen, expectedMetadata, expectedState } from './plain_truth.ts';
import { type Actor, beginPlay, COMMON_DEEDS, type Play, type SeenDeed } from './play.ts';

const DEEDS = 360;
const CHECK_EVERY = 60;
const SEED = Number(process.env.OBSERVED_SEED ?? randomInt(2 ** 31));
const EDGE_MS = 600_000;

// Whatever happens, on whatever node: what an audience has added up is what it is shown, at both nodes, is what the HTTP API and
// a plain count say, and has nothing in it that the audience may not see.
describe(`some hundred random deeds on two nodes (OBSERVED_SEED=${SEED})`, () => {
  const random = randomFrom(SEED);
  const pick = pickWith(random);
  const nodes: ObservedNode[] = [];
  const observers: Observer[] = [];
  /** Ids of messages and coordinations that each observer is to see. */
  const due = new Map<Observer, Set<string>>();
  let play: Play;
  let here: ObservedNode;

  beforeAll(async () => {
    const place = onRedis(sharedRedisUrl());
    nodes.push(await observedNode(place.env), await observedNode(place.env));
    here = nodes[0] as ObservedNode;
    await eventually(async () => {
      const { body } = await here.call<string>('GET', '/metrics');
      expect(body).toMatch(/^aerie_nodes 2$/m);
    });
    const networkId = networkOf(place);
    play = await beginPlay({ nodes, networkId, pick, random, onSeen, shown, movedOn });
    const audiences: Audience[] = [
      { kind: 'admin' },
      ...play.users.map(({ id }) => ({ kind: 'user', id }) as const),
      { kind: 'app', id: play.app.id },
    ];
    for (const node of nodes) {
      for (const audience of audiences) observers.push(await Observer.open(node.observation, audience));
    }
    for (const observer of observers) due.set(observer, new Set());
  }, 120_000);

  afterAll(async () => {
    for (const observer of observers) observer.close();
    await play.end();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  function onSeen({ id, userIds }: SeenDeed) {
    for (const [observer, ids] of due) {
      const { audience } = observer;
      if (audience.kind === 'admin' || (audience.kind === 'user' && userIds.has(audience.id))) ids.add(id);
    }
  }

  /** What each observer was to see of messages and coordinations it has seen, once, and no other. */
  const shown = () =>
    eventually(() => {
      for (const [observer, ids] of due) {
        const messages = observer
          .of('message')
          .flatMap(({ message: { messageId, messageType } }) => (messageType === 'note' ? [messageId] : []));
        const coordinations = observer
          .of('coordination')
          // Whoever owns an agent of it later sees its end.
          .filter(({ event }) => event === 'initiated')
          .map(({ payload }) => (payload as { coordinationId: string }).coordinationId);
        expect([...messages, ...new Set(coordinations)].sort()).toEqual([...ids].sort());
      }
    }, 40_000);

  const movedOn = ({ id, userId }: Actor) =>
    eventually(() => {
      for (const observer of observers) {
        const { audience } = observer;
        const isOwn = audience.kind === 'user' && audience.id === userId;
        if (audience.kind === 'user') expect(observer.agent(id)?.full ?? false).toBe(isOwn);
      }
    }, 40_000);

  async function check() {
    await eventually(async () => {
      const truth = await countedAgents(here);
      for (const actor of play.actors) {
        expect([actor.id, truth.get(actor.id)?.sockets]).toEqual([actor.id, actor.sockets.length]);
      }
      for (const observer of observers) {
        const { agents, edges } = observer.snapshot;
        const { audience } = observer;
        expect(observer.addedUp).toEqual({ agents, edges });
        for (const actor of play.actors) {
          const seen = observer.agent(actor.id);
          const of = truth.get(actor.id);
          if (!of) throw new Error('not listed');
          const isOwn = audience.kind === 'user' && of.user_id === audience.id;
          const isFull = audience.kind === 'admin' || isOwn;
          if (isFull || seen) expect([actor.id, audience, seen?.full]).toEqual([actor.id, audience, isFull]);
          if (!seen) continue;
          if (!seen.full) {
            const inPart = { online: 'IDLE', busy: 'BUSY', offline: 'OFFLINE' }[of.presence];
            expect(seen).toMatchObject({
              state: inPart,
              metadata: {},
              performance: null,
              namespace: null,
              registeredAtMs: null,
            });
            expect(seen.flags & 2).toBe(0);
            continue;
          }
          expect([actor.id, seen.state]).toEqual([actor.id, expectedState(of, actor)]);
          expect([actor.id, seen.metadata]).toEqual([actor.id, expectedMetadata(of, actor)]);
          expect(seen.flags).toBe(
            (of.presence === 'offline' ? 0 : 1) | (seen.flags & 2) | (of.status === 'suspended' ? 4 : 0),
          );
          expect(seen.performance?.metrics).toMatchObject({
            tasksCompleted: actor.ended.completed,
            messageQueueSize: of.queued,
            connectionCount: of.sockets,
          });
        }
      }
      // The same audience sees the same on both nodes.
      const half = observers.length / 2;
      for (let at = 0; at < half; at++) {
        expect(observers[at]?.addedUp).toEqual(observers[at + half]?.addedUp);
      }
    }, 40_000);
  }

  /** What has passed, as it is shown of it. */
  function expectPassed(startedMs: number) {
    const areAllEdges = performance.now() - startedMs < EDGE_MS;
    for (const { audience, addedUp, snapshot, ...observer } of observers.map((each) => ({
      audience: each.audience,
      addedUp: each.addedUp,
      snapshot: each.snapshot,
      flows: each.of('flow').map(({ flow }) => flow),
    }))) {
      expect(addedUp.edges).toEqual(snapshot.edges);
      if (areAllEdges) expect([audience, addedUp.edges]).toEqual([audience, edgesSeen(play, audience)]);
      for (const { from, to, statistics } of observer.flows) {
        expect(statistics.messageCount).toBeLessThanOrEqual(play.flows.get(`${from} ${to}`) ?? 0);
      }
      if (audience.kind !== 'admin') continue;
      const told = new Set(observer.flows.map(({ from, to }) => `${from} ${to}`));
      for (const way of play.flows.keys()) expect(told).toContain(way);
    }
  }

  it('are shown as they happened', async () => {
    const startedMs = performance.now();
    await doAtRandom(play, { random, count: DEEDS, common: COMMON_DEEDS, check, checkEvery: CHECK_EVERY });
    await shown();
    await eventually(() => expectPassed(startedMs), 40_000);
    const forbidden = observers.map(({ audience, sightings }) =>
      forbiddenOf(audience, sightings, (audience.kind === 'user' && play.owned.get(audience.id)) || new Set()),
    );
    expect(forbidden).toEqual(observers.map(() => []));
    expect(observers.map(({ losses }) => losses)).toEqual(observers.map(() => 0));
  }, 600_000);
});
