import { Announcer } from '../../../channels/observation/announcer.ts';
import type { Profile } from '../../../channels/observation/picture.ts';
import type { Place, Sighting } from '../../../channels/observation/scene.ts';
import type { Viewpoint } from '../../../channels/observation/viewpoint.ts';
import { eventually } from '../../support/eventually.ts';

const place: Place = { x: 1, y: 2, z: 3, vx: 0, vy: 0, vz: 0 };

function stage() {
  const known = new Set(['a-1', 'a-2']);
  const lines: string[] = [];
  const reads: {
    readonly ids: readonly string[];
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  const seen: Sighting[] = [];
  const viewpoint = {
    audience: { kind: 'user', id: 'u-1' },
    edgesChanged: (changed: readonly { to: string }[]) => void lines.push(`edges ${changed.map(({ to }) => to)}`),
    flowsChanged: () => void lines.push('flows'),
    messagesSent: () => void lines.push('messages'),
    met: () => void lines.push('partners'),
    partly: (ids: readonly string[]) => void lines.push(`partly ${ids}`),
    isOwn: (id: string) => id === 'a-1',
    isOf: (id: string) => id === 'u-1',
    sightOf: (id: string) => (id === 'a-1' ? 'full' : undefined),
    see: (sightings: readonly Sighting[]) => void seen.push(...sightings),
  } as unknown as Viewpoint;
  const losses: unknown[] = [];
  const announcer = new Announcer({
    scenes: {
      viewpoints: new Set([viewpoint]),
      profileOf: (id) => (known.has(id) ? ({ wireId: Number(id.slice(2)) } as Profile) : undefined),
      nowMs: () => 77,
    },
    readAgents: (ids) => new Promise((resolve, reject) => reads.push({ ids, resolve, reject })),
    onLoss: () => losses.push(1),
  });
  return { announcer, known, lines, reads, seen, losses, flows: announcer.flowsListener };
}

const edge = (from: string, to: string) => ({ from, to, kinds: ['task' as const], lastActivityMs: 1, sent: 0 });

describe('what audiences are told of what passes', () => {
  it('is told at once of agents that are known', () => {
    const { flows, lines } = stage();
    flows.partners([['a-1', 'a-2']]);
    flows.edges([edge('a-1', 'a-2')], []);
    flows.messages([]);
    flows.flows([]);
    expect(lines).toEqual(['partners', 'edges a-2', 'messages', 'flows']);
  });

  it('waits for agents that are still to be read, and all that comes later waits behind it', async () => {
    const { flows, lines, reads, known } = stage();
    flows.edges([edge('a-1', 'a-3')], []);
    flows.messages([]);
    flows.edges([edge('a-1', 'a-2')], []);
    await eventually(() => expect(reads.map(({ ids }) => ids)).toEqual([['a-3']]));
    expect(lines).toEqual([]);
    known.add('a-3');
    reads[0]?.resolve();
    await eventually(() => expect(lines).toEqual(['edges a-3', 'messages', 'edges a-2']));
    flows.flows([]);
    await eventually(() => expect(lines.at(-1)).toBe('flows'));
  });

  it('is told as lost where they cannot be read', async () => {
    const { flows, reads, losses, lines } = stage();
    flows.edges([edge('a-1', 'a-3')], []);
    await eventually(() => expect(reads).toHaveLength(1));
    reads[0]?.reject(new Error('away'));
    await eventually(() => expect(losses).toHaveLength(1));
    flows.lost();
    expect(losses).toHaveLength(2);
    expect(lines).toEqual([]);
  });

  it('is of coordinations for those who own one of the agents, who see the others from then on', () => {
    const { announcer, lines, seen } = stage();
    const sighting = { kind: 'coordination', event: 'initiated', atMs: 1, progress: 0, payload: {} } as const;
    announcer.coordinated({ ...sighting, agentIds: ['a-2'] });
    expect([lines, seen]).toEqual([[], []]);
    announcer.coordinated({ ...sighting, agentIds: ['a-2', 'a-1'] });
    expect(lines).toEqual(['partly a-2,a-1']);
    expect(seen).toHaveLength(1);
  });

  it('is of places for those who see the agent', () => {
    const { announcer, seen } = stage();
    announcer.moved(new Map([['a-2', place]]));
    expect(seen).toEqual([]);
    announcer.moved(
      new Map([
        ['a-1', place],
        ['a-2', place],
        ['a-9', place],
      ]),
    );
    expect(seen).toEqual([{ kind: 'places', atMs: 77, agents: [{ wireId: 1, place }] }]);
  });

  it('is of alerts about multi-agents for their owner', () => {
    const { announcer, seen } = stage();
    const alert = { id: 'l-1', level: 'warning', at: new Date(5).toISOString(), agent_id: null } as never;
    announcer.alerted('u-2', { raised: [alert], ended: [] });
    expect(seen).toEqual([]);
    announcer.alerted('u-1', { raised: [alert], ended: [{ id: 'l-0' } as never] });
    expect(seen).toEqual([
      { kind: 'alert_ended', atMs: 77, id: 'l-0', agentId: null },
      { kind: 'alert', atMs: 5, level: 'warning', agentId: null, payload: { alert, agentId: null } },
    ]);
  });
});
