import fc from 'fast-check';
import type { Edge } from '../../../channels/flows/port.ts';
import type { SeenTask } from '../../../channels/observation/deeds.ts';
import type { Profile } from '../../../channels/observation/picture.ts';
import type { Audience, SeenAgent, SeenEdge, Sighting } from '../../../channels/observation/scene.ts';
import { MessageToShow } from '../../../channels/observation/seen_message.ts';
import { type Stage, Viewpoint } from '../../../channels/observation/viewpoint.ts';

const AGENTS = ['a-0', 'a-1', 'a-2', 'a-3', 'a-4'] as const;
const USERS = ['u-1', 'u-2', null] as const;
const NOW_MS = 10_000_000;

/** Agents and edges, as all audiences share them, and one audience that adds up what it is told. */
class Scene {
  readonly owners = new Map<string, string | null>();
  readonly allEdges = new Map<string, Edge>();
  readonly agents = new Map<string, SeenAgent>();
  readonly edges = new Map<string, SeenEdge>();
  readonly sightings: Sighting[] = [];
  readonly viewpoint: Viewpoint;
  readonly #audience: Audience;

  constructor(audience: Audience, owners: Iterable<readonly [string, string | null]> = []) {
    for (const [id, owner] of owners) this.owners.set(id, owner);
    const stage: Stage = {
      nowMs: () => NOW_MS,
      profileOf: (id) => this.#profile(id),
      agentIds: () => this.owners.keys(),
      ownedBy: (userId) => [...this.owners].flatMap(([id, owner]) => (owner === userId ? [id] : [])),
      seen: (agentId, sight) => {
        const profile = this.#profile(agentId);
        return profile && ({ agentId, wireId: profile.wireId, full: sight === 'full' } as SeenAgent);
      },
      edges: () => this.allEdges.values(),
    };
    this.#audience = audience;
    const listener = { see: (sightings: readonly Sighting[]) => this.#see(sightings), lost() {} };
    this.viewpoint = new Viewpoint(audience, listener, stage, () => {});
    this.viewpoint.begin();
    this.#takeAnew();
  }

  isOwn = (id: string) =>
    this.#audience.kind === 'admin' || (this.#audience.kind === 'user' && this.owners.get(id) === this.#audience.id);

  #profile(id: string): Profile | undefined {
    const owner = this.owners.get(id);
    return owner === undefined ? undefined : ({ wireId: Number(id.slice(2)) + 1, userId: owner } as Profile);
  }

  #takeAnew() {
    const { agents, edges } = this.viewpoint.snapshot();
    for (const agent of agents) this.agents.set(agent.agentId, agent);
    for (const edge of edges) this.edges.set(`${edge.from} ${edge.to}`, edge);
  }

  /** Adds up, and looks whether each may be seen now. */
  #see(sightings: readonly Sighting[]) {
    for (const sighting of sightings) {
      this.sightings.push(sighting);
      this.#add(sighting);
    }
  }

  #add(sighting: Sighting) {
    const areKnown = (...ids: (string | null)[]) =>
      expect(ids.filter((id) => id !== null && !this.agents.has(id))).toEqual([]);
    switch (sighting.kind) {
      case 'registered':
        for (const agent of sighting.agents) {
          expect(agent.full).toBe(this.isOwn(agent.agentId));
          this.agents.set(agent.agentId, agent);
        }
        return;
      case 'hidden':
        areKnown(sighting.agentId);
        expect(this.isOwn(sighting.agentId)).toBe(false);
        return void this.agents.delete(sighting.agentId);
      case 'edges':
        for (const edge of sighting.edges) {
          areKnown(edge.from, edge.to);
          if (this.#audience.kind === 'app') expect(edge.kinds).toEqual(['task']);
          else expect(this.isOwn(edge.from) || this.isOwn(edge.to)).toBe(true);
          this.edges.set(`${edge.from} ${edge.to}`, edge);
        }
        for (const { from, to } of sighting.removed) this.edges.delete(`${from} ${to}`);
        return;
      case 'flow': {
        const { from, to } = sighting.flow;
        areKnown(from, to);
        return expect(this.isOwn(from) || this.isOwn(to)).toBe(true);
      }
      case 'message': {
        const { from, to } = sighting.message;
        const [recipient] = to;
        areKnown(from.id, recipient?.id ?? '');
        expect((from.id !== null && this.isOwn(from.id)) || this.isOwn(recipient?.id ?? '')).toBe(true);
        for (const { id, namespace } of [from, ...to]) {
          expect(namespace).toBe(id !== null && this.isOwn(id) ? this.owners.get(id) : null);
        }
        return;
      }
      default:
        throw new Error(`unexpected: ${sighting.kind}`);
    }
  }

  get addedUp() {
    const sorted = <T>(entries: Iterable<[string, T]>) => [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
    return {
      agents: sorted(this.agents),
      edges: sorted([...this.edges].map(([key, { kinds }]) => [key, kinds.join()])),
    };
  }

  get shown() {
    const before = [new Map(this.agents), new Map(this.edges)] as const;
    this.agents.clear();
    this.edges.clear();
    this.#takeAnew();
    const { addedUp } = this;
    for (const [id, agent] of before[0]) this.agents.set(id, agent);
    for (const [key, edge] of before[1]) this.edges.set(key, edge);
    return addedUp;
  }
}

const sorted = (one: string, other: string) => [one, other].sort() as [string, string];

const deeds = {
  meet(scene: Scene, one: string, other: string) {
    scene.viewpoint.met([sorted(one, other)]);
  },
  edge(scene: Scene, one: string, other: string) {
    const [from, to] = sorted(one, other);
    const edge: Edge = { from, to, kinds: ['message'], lastActivityMs: NOW_MS, sent: 1 };
    scene.allEdges.set(`${from} ${to}`, edge);
    scene.viewpoint.edgesChanged([edge], []);
  },
  endEdge(scene: Scene, one: string, other: string) {
    const [from, to] = sorted(one, other);
    if (scene.allEdges.delete(`${from} ${to}`)) scene.viewpoint.edgesChanged([], [{ from, to }]);
  },
  flow(scene: Scene, from: string, to: string) {
    scene.viewpoint.flowsChanged([{ kind: 'flow', atMs: 1, flow: { from, to, statistics: {} as never } }]);
  },
  message(scene: Scene, from: string, toAgentId: string) {
    const about = { messageId: 'm', messageType: 'note', content: null, contentBytes: 2, expiryMs: 0, atMs: 0 };
    scene.viewpoint.messagesSent([new MessageToShow({ ...about, fromAgentId: from, toAgentId })]);
    scene.viewpoint.messagesSent([new MessageToShow({ ...about, fromAgentId: null, toAgentId })]);
  },
  task(scene: Scene, client: string, provider: string) {
    for (const app of ['p-1', 'p-2', null]) {
      if (app === 'p-1' || client < provider) {
        scene.viewpoint.tasked({
          id: 't',
          client,
          provider,
          app,
          insertedAtMs: NOW_MS,
          finishedAtMs: null,
        } as SeenTask);
      }
    }
  },
};
type Step = readonly [keyof typeof deeds | 'move', string, string, (typeof USERS)[number]];

const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom<Step[0]>('meet', 'edge', 'endEdge', 'flow', 'message', 'task', 'move'),
    fc.constantFrom(...AGENTS),
    fc.constantFrom(...AGENTS),
    fc.constantFrom(...USERS),
  )
  .filter(([, one, other]) => one !== other);
const audiences = fc.constantFrom<Audience>(
  { kind: 'admin' },
  { kind: 'user', id: 'u-1' },
  { kind: 'user', id: 'u-3' },
  { kind: 'app', id: 'p-1' },
);

describe('what an audience sees', () => {
  it('is what it may, of agents that it was told of before, and adds up to its snapshot', () => {
    const owners = fc.tuple(...AGENTS.map(() => fc.constantFrom(...USERS)));
    fc.assert(
      fc.property(audiences, owners, fc.array(step, { maxLength: 25 }), (audience, owner, steps) => {
        // The last one is registered in the midst of it.
        const late = AGENTS.at(-1) as string;
        const scene = new Scene(
          audience,
          AGENTS.slice(0, -1).map((id, at) => [id, owner[at] ?? null] as const),
        );
        for (const [at, [deed, one, other, to]] of steps.entries()) {
          if (at === 5) {
            scene.owners.set(late, owner.at(-1) ?? null);
            scene.viewpoint.appeared(late, { userId: owner.at(-1) ?? null } as Profile);
          }
          if (at < 5 && (one === late || other === late)) continue;
          if (deed === 'move') {
            const from = scene.owners.get(one) ?? null;
            scene.owners.set(one, to);
            scene.viewpoint.moved(one, from, to);
          } else deeds[deed](scene, one, other);
          expect(scene.addedUp).toEqual(scene.shown);
          const own = [...scene.owners.keys()].filter(scene.isOwn);
          expect([...scene.agents.values()].flatMap(({ agentId, full }) => (full ? [agentId] : [])).sort()).toEqual(
            own,
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('comes into sight by what it has to do with one of a user’s own', () => {
    const scene = new Scene({ kind: 'user', id: 'u-1' }, [
      ['a-0', 'u-1'],
      ['a-1', 'u-2'],
      ['a-2', null],
    ]);
    deeds.message(scene, 'a-1', 'a-2');
    deeds.edge(scene, 'a-1', 'a-2');
    expect(scene.sightings).toEqual([]);
    deeds.edge(scene, 'a-0', 'a-1');
    expect(scene.sightings.map(({ kind }) => kind)).toEqual(['registered', 'edges', 'edges']);
    expect(scene.agents.get('a-1')).toMatchObject({ full: false });
    expect([...scene.edges.keys()]).toEqual(['a-0 a-1']);
  });

  it('is an app’s tasks and their agents, and nothing else', () => {
    const scene = new Scene(
      { kind: 'app', id: 'p-1' },
      AGENTS.map((id) => [id, null] as const),
    );
    for (const deed of ['meet', 'edge', 'flow', 'message'] as const) deeds[deed](scene, 'a-0', 'a-1');
    const of = (app: string | null) =>
      ({ id: 't', client: 'a-1', provider: 'a-0', app, insertedAtMs: NOW_MS, finishedAtMs: null }) as SeenTask;
    scene.viewpoint.tasked(of('p-2'));
    scene.viewpoint.tasked(of(null));
    scene.viewpoint.touched('t');
    expect(scene.sightings).toEqual([]);
    scene.viewpoint.tasked(of('p-1'));
    expect(scene.addedUp).toMatchObject({
      agents: [
        ['a-0', { full: false }],
        ['a-1', { full: false }],
      ],
      edges: [['a-0 a-1', 'task']],
    });
  });

  it('is told the thousand busiest of the flows that it sees', () => {
    const scene = new Scene({ kind: 'user', id: 'u-1' }, [
      ['a-0', 'u-1'],
      ['a-1', null],
      ['a-2', null],
    ]);
    const flow = (from: string, to: string) =>
      ({ kind: 'flow', atMs: 1, flow: { from, to, statistics: {} as never } }) as const;
    const flows = Array.from({ length: 3_000 }, (_, at) => (at % 2 ? flow('a-0', 'a-1') : flow('a-1', 'a-2')));
    scene.viewpoint.flowsChanged(flows);
    expect(scene.sightings.filter(({ kind }) => kind === 'flow')).toHaveLength(1_000);
  });

  it('shares what it is told with those who see the same', () => {
    const owners = [
      ['a-0', 'u-1'],
      ['a-1', 'u-1'],
      ['a-2', 'u-2'],
    ] as const;
    const scenes = [{ kind: 'admin' } as const, ...['u-1', 'u-2'].map((id) => ({ kind: 'user', id }) as const)];
    const [admin, owner, other] = scenes.map((audience) => new Scene(audience, owners)) as [Scene, Scene, Scene];
    const about = { atMs: 1, messageId: 'm', messageType: 't', content: null, contentBytes: 0, expiryMs: 2 };
    const within = new MessageToShow({ ...about, fromAgentId: 'a-0', toAgentId: 'a-1' });
    const between = new MessageToShow({ ...about, fromAgentId: 'a-0', toAgentId: 'a-2' });
    const flow = { kind: 'flow', atMs: 1, flow: { from: 'a-0', to: 'a-2', statistics: {} as never } } as const;
    for (const { viewpoint } of [admin, owner, other]) {
      viewpoint.messagesSent([within, between]);
      viewpoint.flowsChanged([flow]);
    }
    const told = (scene: Scene) => scene.sightings.filter(({ kind }) => kind === 'message');
    expect(told(owner)[0]).toBe(told(admin)[0]);
    const namespaces = [admin, owner, other].map(
      (scene) => told(scene).at(-1) as unknown as { message: { from: object; to: object[] } },
    );
    expect(namespaces.map(({ message: { from, to } }) => [from, ...to])).toEqual([
      [
        { id: 'a-0', namespace: 'u-1' },
        { id: 'a-2', namespace: 'u-2' },
      ],
      [
        { id: 'a-0', namespace: 'u-1' },
        { id: 'a-2', namespace: null },
      ],
      [
        { id: 'a-0', namespace: null },
        { id: 'a-2', namespace: 'u-2' },
      ],
    ]);
    for (const scene of [admin, owner, other]) expect(scene.sightings.find(({ kind }) => kind === 'flow')).toBe(flow);
  });

  it('is told nothing before it begins and after it is closed', () => {
    const scene = new Scene({ kind: 'admin' }, [['a-0', null]]);
    scene.viewpoint.close();
    scene.viewpoint.appeared('a-0', { userId: null } as Profile);
    scene.viewpoint.lost();
    expect(scene.sightings).toEqual([]);
  });
});
