import { randomInt, randomUUID } from 'node:crypto';
import type { Audience } from '../../../channels/observation/scene.ts';
import { countedAgents, edgesSeen, expectedMetadata, expectedState } from '../../channels/observation/plain_truth.ts';
import { type Actor, beginPlay, COMMON_DEEDS, type Play, type SeenDeed } from '../../channels/observation/play.ts';
import { ADMIN_TOKEN, type Aerie, onRedis, registerAgent, startAerie, type TestAgent } from '../../support/aerie.ts';
import { networkOf } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { pickWith, randomFrom } from '../../support/random.ts';
import { doAtRandom } from '../../support/random_deeds.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { PATHS } from './stage.ts';
import { type Manner, manners, Viewer } from './viewer.ts';

const DEEDS = 300;
const CHECK_EVERY = 60;
const SEED = Number(process.env.VIEWED_SEED ?? randomInt(2 ** 31));
const WITHIN_MS = 60_000;
const UNLIMITED = { HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', MAX_SOCKETS_PER_AGENT: '200' };

interface Watched {
  readonly viewer: Viewer;
  readonly audience: Audience;
  readonly apiKey: string;
  readonly node: Aerie;
  readonly path: keyof typeof PATHS;
  readonly manner: Manner;
}

const byPath: Readonly<Record<keyof typeof PATHS, readonly Manner[]>> = {
  agents: [manners.compressed, manners.plain, manners.json],
  graph: [manners.content, manners.json],
  control: [manners.compressed],
};

// As in spec/channels/observation/truth.spec.ts, over the wire: what a client adds up on whatever address of whatever node, however it
// takes its frames, is what a plain count says. What it may not see is in no byte that it gets.
describe(`some hundred random deeds, seen over the wire of two nodes (VIEWED_SEED=${SEED})`, () => {
  const random = randomFrom(SEED);
  const pick = pickWith(random);
  const nodes: Aerie[] = [];
  const watched: Watched[] = [];
  const seenDeeds: SeenDeed[] = [];
  /** Agents of somebody else who have to do with each other alone, and what they said. */
  const strangers: TestAgent[] = [];
  const strange: string[] = [];
  let play: Play;
  let here: Aerie;

  beforeAll(async () => {
    const place = onRedis(sharedRedisUrl());
    nodes.push(...(await Promise.all([0, 1].map(() => startAerie({ ...place.env, ...UNLIMITED })))));
    here = nodes[0] as Aerie;
    await eventually(async () => {
      const { body } = await here.call<string>('GET', '/metrics');
      expect(body).toMatch(/^aerie_nodes 2$/m);
    });
    const onSeen = (deed: SeenDeed) => void seenDeeds.push(deed);
    play = await beginPlay({ nodes, networkId: networkOf(place), pick, random, onSeen, shown, movedOn });
    const audiences: [Audience, string][] = [
      [{ kind: 'admin' }, ADMIN_TOKEN],
      ...play.users.map(({ id, apiKey }): [Audience, string] => [{ kind: 'user', id }, apiKey]),
      [{ kind: 'app', id: play.app.id }, play.app.apiKey],
    ];
    for (const node of nodes) {
      for (const [audience, apiKey] of audiences) {
        for (const path of Object.keys(PATHS) as (keyof typeof PATHS)[]) {
          if (path === 'control' && audience.kind === 'app') continue;
          const more = audience.kind === 'admin' && path === 'agents' ? [manners.brotli, manners.gzip] : [];
          for (const manner of [...byPath[path], ...more]) await watch({ audience, apiKey, node, path, manner });
        }
      }
    }
    await eventually(() => {
      for (const { viewer, path } of watched) if (path !== 'control') expect(viewer.take().snapshots).toBe(1);
    });
  }, 240_000);

  afterAll(async () => {
    await Promise.all(watched.map(({ viewer }) => viewer.close()));
    await play.end();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  async function watch(of: Omit<Watched, 'viewer'>): Promise<Watched> {
    const made = { ...of, viewer: await Viewer.open(of.node, PATHS[of.path], of.apiKey, of.manner) };
    watched.push(made);
    return made;
  }

  const isToSee = ({ userIds }: SeenDeed, audience: Audience) =>
    audience.kind === 'admin' || (audience.kind === 'user' && userIds.has(audience.id));

  const dueOf = (kind: SeenDeed['kind'], audience: Audience) =>
    seenDeeds.filter((deed) => deed.kind === kind && isToSee(deed, audience)).map(({ id }) => id);

  /** Viewers of an address, up to now. */
  const on = (wanted: keyof typeof PATHS) => watched.filter(({ path }) => path === wanted);

  const shown = () =>
    eventually(() => {
      for (const { viewer, audience } of on('graph')) {
        const notes = viewer
          .take()
          .of('message.sent')
          .filter(({ payload }) => payload.messageType === 'note');
        const expected =
          audience.kind === 'admin' ? seenDeeds.filter(isNote).map(({ id }) => id) : dueOf('message', audience);
        const strangeOnes = audience.kind === 'admin' ? strange : [];
        const ids = notes.map(({ payload }) => String(payload.messageId)).filter((id) => !strangeOnes.includes(id));
        expect([audience, ids.sort()]).toEqual([audience, expected.sort()]);
      }
      for (const { viewer, audience } of on('agents')) {
        const told = viewer
          .take()
          .of('coordination.initiated')
          .map(({ payload }) => String(payload.coordinationId));
        const strangeOnes = audience.kind === 'admin' ? strange : [];
        const ids = told.filter((id) => !strangeOnes.includes(id)).sort();
        expect([audience, ids]).toEqual([audience, dueOf('coordination', audience).sort()]);
      }
    }, WITHIN_MS);
  const isNote = ({ kind }: SeenDeed) => kind === 'message';

  const movedOn = ({ id, userId }: Actor) =>
    eventually(() => {
      for (const { viewer, audience, path } of watched) {
        if (path === 'control' || audience.kind !== 'user') continue;
        expect(viewer.take().agents.get(id)?.full ?? false).toBe(audience.id === userId);
      }
    }, WITHIN_MS);

  /** Two of a user who looks on nowhere, and all that they do. */
  async function strangersMeet() {
    const owner = await here.call<{ user: { id: string } }>('POST', '/api/users', ADMIN_TOKEN, { name: 'Somebody' });
    strange.push(owner.body.user.id);
    for (const node of nodes) {
      const name = `stranger ${randomUUID()}`;
      const agent = await registerAgent(node, { name, user_id: owner.body.user.id });
      strangers.push(agent);
      strange.push(agent.id, name);
    }
    const [one, other] = strangers as [TestAgent, TestAgent];
    const secret = randomUUID();
    const body = { to_agent_id: other.id, type: 'note', payload: { secret } };
    const sent = await here.call<{ message: { id: string } }>('POST', '/api/messages', one.apiKey, body);
    const asked = { pattern: 'CONSENSUS', participants: [{ id: one.id }], parameters: { proposal: secret } };
    const made = await here.call<{ coordination: { id: string } }>('POST', '/api/coordinations', other.apiKey, asked);
    const task = { client_agent_id: one.id, provider_agent_id: other.id };
    const given = await here.call<{ task: { id: string } }>('POST', '/api/tasks', ADMIN_TOKEN, task);
    strange.push(secret, sent.body.message.id, made.body.coordination.id, given.body.task.id);
  }

  async function check() {
    await eventually(async () => {
      const truth = await countedAgents(here);
      for (const { viewer, audience, path, manner } of watched) {
        viewer.take();
        if (path === 'control') continue;
        expect([audience, path, manner, viewer.faults]).toEqual([audience, path, manner, []]);
        for (const actor of play.actors) {
          const of = truth.get(actor.id);
          const seen = viewer.agents.get(actor.id);
          if (!of) throw new Error('not listed');
          const isOwn = audience.kind === 'user' && of.user_id === audience.id;
          const isFull = audience.kind === 'admin' || isOwn;
          const about = [actor.id, audience, path, manner];
          if (isFull || seen) expect([...about, seen?.full]).toEqual([...about, isFull]);
          if (!seen) continue;
          expect([...about, seen.namespace]).toEqual([...about, isFull ? of.user_id : null]);
          if (path === 'graph') continue;
          const inPart = { online: 'IDLE', busy: 'BUSY', offline: 'OFFLINE' }[of.presence];
          const state = isFull ? expectedState(of, actor) : inPart;
          expect([...about, seen.state]).toEqual([...about, state]);
          const isPresent = of.presence !== 'offline';
          const isBinary = (manner.capabilities as readonly string[]).includes('binary');
          if (isBinary) {
            expect([...about, seen.record?.state]).toEqual([...about, state]);
            expect([...about, seen.record?.metadata]).toEqual([...about, isFull ? expectedMetadata(of, actor) : {}]);
            const flags = seen.record?.flags ?? 0;
            const isSuspended = of.status === 'suspended';
            expect([...about, flags & 5]).toEqual([
              ...about,
              (isPresent ? 1 : 0) | (isSuspended && isFull ? 4 : flags & 4),
            ]);
            if (!isFull) expect(flags & 2).toBe(0);
            expect([...about, seen.figures?.tasks]).toEqual([...about, isFull ? actor.ended.completed : undefined]);
          } else expect(seen.record).toBeUndefined();
          if (!isFull) continue;
          // Those who get no binary frames are told of figures when they change.
          if (!seen.metrics) continue;
          expect([...about, seen.metrics]).toEqual([
            ...about,
            expect.objectContaining({
              tasksCompleted: actor.ended.completed,
              messageQueueSize: of.queued,
              connectionCount: of.sockets,
            }),
          ]);
        }
      }
    }, WITHIN_MS);
    await fresh();
  }

  /** Whoever comes later sees the same as those who have added it up. */
  async function fresh() {
    const node = pick(nodes);
    const { audience, apiKey } = pick(watched.filter(({ path }) => path === 'graph'));
    for (const path of ['agents', 'graph'] as const) {
      const viewer = await Viewer.open(node, PATHS[path], apiKey, pick([manners.compressed, manners.json]));
      const old = watched.find((each) => each.node === node && each.path === path && each.audience === audience);
      await eventually(() => {
        const view = ({ agents, edges }: Viewer) => ({
          agents: [...agents.values()]
            .map(({ agentId, wireId, state, full, namespace, capabilities }) => ({
              ...{ agentId, wireId, full, namespace },
              // The graph has neither states nor changes of capabilities.
              ...(path === 'agents' && { state, capabilities: capabilities.toSorted() }),
            }))
            .sort((one, other) => one.wireId - other.wireId),
          edges: [...edges].sort(),
        });
        expect(viewer.take().snapshots).toBe(1);
        expect(viewer.faults).toEqual([]);
        expect(view(viewer)).toEqual(view(old?.viewer.take() as Viewer));
      }, WITHIN_MS);
      await viewer.close();
    }
  }

  function expectPassed() {
    for (const { viewer, audience } of on('graph')) {
      const own = viewer.edgeLines.filter((line) => !strangers.some(({ id }) => line.includes(id)));
      expect([audience, own]).toEqual([audience, edgesSeen(play, audience)]);
      const flows = viewer.of('message.flow.stats').map(({ payload }) => payload as unknown as Flow);
      for (const { from, to, statistics } of flows) {
        if (strangers.some(({ id }) => id === from)) continue;
        expect(statistics.messageCount).toBeLessThanOrEqual(play.flows.get(`${from} ${to}`) ?? 0);
      }
      if (audience.kind !== 'admin') continue;
      const told = new Set(flows.map(({ from, to }) => `${from} ${to}`));
      for (const way of play.flows.keys()) expect(told).toContain(way);
    }
  }

  /** Words that are in no byte of what an audience gets. */
  function forbidden({ audience, path, manner }: Watched): string[] {
    const keys = [
      ADMIN_TOKEN,
      play.app.apiKey,
      ...play.users.map(({ apiKey }) => apiKey),
      ...play.actors.map((each) => each.apiKey),
    ];
    const secretOf = ({ secret }: SeenDeed) => secret;
    if (path === 'control') {
      const agents = [...play.actors.map(({ id }) => id), ...strange];
      return [...keys, ...agents, ...seenDeeds.flatMap(({ id, secret }) => [id, secret])];
    }
    const withContent = manner.content === true;
    const unseen = seenDeeds.filter((deed) => {
      const isProposal = deed.kind === 'coordination' && path === 'agents';
      const isContent = deed.kind === 'message' && path === 'graph' && withContent;
      return !isToSee(deed, audience) || !(isProposal || isContent);
    });
    if (audience.kind === 'admin') return [...keys, ...unseen.map(secretOf)];
    const everOwned = (audience.kind === 'user' && play.owned.get(audience.id)) || new Set();
    const isNever = (ids: readonly string[]) => !ids.some((id) => everOwned.has(id));
    const others = [...play.users.map(({ id }) => id), play.app.id].filter(
      (id) => audience.kind === 'app' || id !== audience.id,
    );
    return [
      ...keys,
      ...strange,
      ...(audience.kind === 'app' ? others.filter((id) => id !== audience.id) : others),
      ...unseen.map(secretOf),
      // Whoever owns an agent of a coordination later sees its end.
      ...seenDeeds.filter(({ agentIds }) => isNever(agentIds)).map(({ id }) => id),
      ...play.things.filter(({ agents }) => isNever(agents)).map(({ id }) => id),
    ];
  }

  it('is what happened', async () => {
    await strangersMeet();
    await doAtRandom(play, { random, count: DEEDS, common: COMMON_DEEDS, check, checkEvery: CHECK_EVERY });
    await shown();
    await eventually(expectPassed, WITHIN_MS);
    for (const each of watched) {
      const { viewer, audience, path, manner } = each;
      const { heard } = viewer;
      const found = forbidden(each).filter((word) => heard.includes(word));
      expect([audience, path, manner, found]).toEqual([audience, path, manner, []]);
      expect(viewer.of('channel.skipped')).toEqual([]);
      if (path === 'graph' && manner.content) {
        const due = seenDeeds.filter((deed) => deed.kind === 'message' && isToSee(deed, audience));
        expect(due.filter(({ secret }) => !heard.includes(secret))).toEqual([]);
      }
      if (path === 'agents') {
        const due = seenDeeds.filter((deed) => deed.kind === 'coordination' && isToSee(deed, audience));
        expect(due.filter(({ secret }) => !heard.includes(secret))).toEqual([]);
      }
      if (path === 'control') expect(viewer.messages).toEqual([]);
    }
    const agentSees = on('agents').find(({ audience }) => audience.kind === 'admin')?.viewer.heard ?? '';
    for (const { id } of strangers) expect(agentSees).toContain(id);
  }, 900_000);
});

interface Flow {
  readonly from: string;
  readonly to: string;
  readonly statistics: { readonly messageCount: number };
}
