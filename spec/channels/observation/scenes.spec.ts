import { jest } from '@jest/globals';
import type { Alert } from '../../../channels/analytics/alerts.ts';
import type { PresenceStatus } from '../../../channels/discovery/presence_status.ts';
import type { SeenTask } from '../../../channels/observation/deeds.ts';
import { Picture, type Profile } from '../../../channels/observation/picture.ts';
import type { Audience, SeenCapability, Sighting } from '../../../channels/observation/scene.ts';
import { Scenes } from '../../../channels/observation/scenes.ts';
import { Viewpoint } from '../../../channels/observation/viewpoint.ts';

const capability = (name: string, fields: Partial<SeenCapability> = {}): SeenCapability => ({
  name,
  category: null,
  level: null,
  description: null,
  price: '1',
  ...fields,
});
const profile = (fields: Partial<Profile> = {}): Profile => ({
  wireId: 1,
  name: 'Ada',
  userId: 'u-1',
  capabilities: [capability('sums')],
  isSuspended: false,
  registeredAtMs: 0,
  multiAgentId: undefined,
  ...fields,
});
const task = (fields: Partial<SeenTask> = {}): SeenTask => ({
  kind: 'task',
  id: 't-1',
  version: 1,
  client: 'c-1',
  provider: 'a-1',
  app: null,
  capability: 'sums',
  status: 'in_progress',
  insertedAtMs: 0,
  startedAtMs: null,
  finishedAtMs: null,
  ...fields,
});

/** The agent a-1 of u-1, which has met b-1 of u-2, and what u-1, u-2 and the admin are told. */
function scene() {
  let presence: PresenceStatus = 'offline';
  const estimates: { readonly resolve: (ms?: number) => void; readonly reject: (error: Error) => void }[] = [];
  const scenes: Scenes = new Scenes({
    picture: () => picture,
    nowMs: () => Date.now() + 7,
    placeOf: () => undefined,
    edges: () => [],
    estimate: () => new Promise((resolve, reject) => estimates.push({ resolve, reject })),
    onFigures() {},
    onMoved() {},
  });
  const picture: Picture = new Picture((id) => (id === 'a-1' ? presence : 'offline'), scenes);
  picture.describe('a-1', 1, profile());
  picture.describe('b-1', 1, profile({ wireId: 2, userId: 'u-2' }));
  scenes.settle();
  const told = (audience: Audience) => {
    const sightings: Sighting[] = [];
    const viewpoint = new Viewpoint(
      audience,
      { see: (its) => void sightings.push(...its), lost() {} },
      scenes,
      () => {},
    );
    scenes.viewpoints.add(viewpoint);
    viewpoint.begin();
    if (audience.kind === 'user') viewpoint.met([['a-1', 'b-1']]);
    sightings.length = 0;
    return sightings;
  };
  const audiences = {
    admin: told({ kind: 'admin' }),
    owner: told({ kind: 'user', id: 'u-1' }),
    other: told({ kind: 'user', id: 'u-2' }),
  };
  return {
    scenes,
    picture,
    estimates,
    ...audiences,
    setPresence(to: PresenceStatus) {
      presence = to;
      picture.presenceChanged('a-1');
    },
    sockets: (sockets: number) => {
      const openedAtMs = sockets > 0 ? Date.now() : 0;
      picture.socketsChanged('n-1', { agentId: 'a-1', sockets, agentSockets: sockets, openedAtMs, discoveredAtMs: 0 });
    },
    /** Lets time pass, and has what is due told. */
    pass(ms: number) {
      for (let at = 0; at < ms; at += 25) {
        jest.advanceTimersByTime(25);
        scenes.tick();
      }
    },
  };
}

const kinds = (sightings: readonly Sighting[]) => sightings.map(({ kind }) => kind);
const records = (sightings: readonly Sighting[]) =>
  sightings.flatMap((sighting) =>
    sighting.kind === 'records' ? sighting.agents.map(({ state, metadata }) => [state, metadata]) : [],
  );

describe('what audiences are told of agents', () => {
  beforeEach(() => void jest.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => void jest.useRealTimers());

  it('is a change of state with its record, to those who see it in full, and of presence alone to others', () => {
    const { pass, sockets, setPresence, admin, owner, other } = scene();
    sockets(1);
    pass(200);
    expect(kinds(owner)).toEqual(['state', 'records']);
    expect(owner).toContainEqual({
      kind: 'state',
      // When it happened, by the store's clock.
      atMs: 1_000_007,
      agentId: 'a-1',
      previousState: 'OFFLINE',
      newState: 'INITIALIZING',
      reason: 'Connected',
      metadata: {},
    });
    expect(admin).toEqual(owner);
    expect(other).toEqual([]);
    setPresence('online');
    pass(1_200);
    expect(records(other)).toEqual([['IDLE', {}]]);
    expect(other).toContainEqual(
      expect.objectContaining({ previousState: 'OFFLINE', newState: 'IDLE', reason: null, metadata: {} }),
    );
    expect(records(owner).at(-1)).toEqual(['IDLE', { sockets: 1 }]);
  });

  it('is a record once a second, as it is then', () => {
    const { pass, sockets, owner, picture } = scene();
    sockets(1);
    pass(200);
    expect(records(owner)).toHaveLength(1);
    for (let queued = 1; queued <= 8; queued++) {
      picture.apply({ kind: 'inbox', id: 'a-1', version: queued, queued });
      pass(100);
    }
    expect(records(owner)).toHaveLength(1);
    pass(200);
    expect(records(owner).slice(1)).toEqual([['INITIALIZING', { queued: 8, sockets: 1 }]]);
    pass(5_000);
    expect(records(owner)).toHaveLength(2);
  });

  it('is a record also where only those who came between have another', () => {
    const { pass, sockets, admin, other, scenes } = scene();
    sockets(1);
    pass(200);
    sockets(0);
    pass(200);
    // The state is told, its record is not due yet: whoever comes now begins with the state.
    expect(records(admin).at(-1)).toEqual(['INITIALIZING', { sockets: 1 }]);
    expect(scenes.seen('a-1', 'full')?.state).toBe('OFFLINE');
    sockets(1);
    pass(1_200);
    expect(records(admin).map(([state]) => state)).toEqual(['INITIALIZING', 'INITIALIZING']);
    pass(2_000);
    expect(records(admin)).toHaveLength(2);
    expect(records(other)).toEqual([]);
  });

  it('has the time that a task is likely to take, and does not wait for it for long', async () => {
    const { pass, sockets, owner, picture, estimates } = scene();
    sockets(1);
    pass(200);
    const states = () => owner.flatMap((sighting) => (sighting.kind === 'state' ? [sighting] : [])).slice(1);
    picture.apply(task());
    pass(200);
    expect(states()).toEqual([]);
    estimates[0]?.resolve(250);
    await Promise.resolve();
    pass(25);
    expect(states()).toMatchObject([
      { newState: 'EXECUTING', reason: 'Task assigned', metadata: { taskId: 't-1', estimatedDuration: 250 } },
    ]);
    picture.apply(task({ version: 2, status: 'completed' }));
    pass(200);
    expect(states().at(-1)).toMatchObject({ reason: 'Task completed', metadata: { taskId: 't-1' } });
    for (const [id, give] of [
      ['t-2', () => {}],
      ['t-3', () => estimates[2]?.reject(new Error('away'))],
    ] as const) {
      picture.apply(task({ id }));
      give();
      await Promise.resolve();
      pass(600);
      expect(states().at(-1)).toMatchObject({ newState: 'EXECUTING', metadata: { taskId: id } });
      expect(states().at(-1)?.metadata).toEqual({ taskId: id });
      picture.apply(task({ id, version: 2, status: 'failed' }));
      pass(200);
    }
  });

  it('is each capability that has changed; where it is seen in part, the names anew', () => {
    const { owner, other, picture } = scene();
    const capabilities = [capability('sums', { level: 2 }), capability('maps')];
    picture.describe('a-1', 2, profile({ capabilities }));
    const changes = owner.flatMap((sighting) =>
      sighting.kind === 'capability' ? [[sighting.action, sighting.capability]] : [],
    );
    expect(changes).toEqual([
      ['update', capabilities[0]],
      ['add', capabilities[1]],
    ]);
    expect(other).toMatchObject([
      { kind: 'registered', agents: [{ capabilities: ['sums', 'maps'], full: false, namespace: null }] },
    ]);
    other.length = 0;
    picture.describe('a-1', 3, profile({ capabilities: [capability('maps', { price: '9' })] }));
    expect(owner.slice(-2)).toMatchObject([
      { kind: 'capability', action: 'remove', capability: { name: 'sums' } },
      { kind: 'capability', action: 'update', capability: { name: 'maps', price: '9' } },
    ]);
    other.length = 0;
    // Of a price there is nothing to see in part.
    picture.describe('a-1', 4, profile({ capabilities: [capability('maps')] }));
    expect(other).toEqual([]);
  });

  it('is alerts and figures, to those who see it in full', () => {
    const { owner, other, admin, picture, scenes } = scene();
    const alert = { id: 'l-1', kind: 'task_latency', level: 'warning', at: new Date(5).toISOString() } as Alert;
    picture.apply({ kind: 'figures', id: 'a-1', version: 1, alerts: [alert] });
    picture.apply({ kind: 'figures', id: 'a-1', version: 2, alerts: [] });
    const performance = scenes.performanceOf('a-1');
    if (performance) scenes.performed('a-1', performance, true);
    expect(owner).toMatchObject([
      { kind: 'alert', atMs: 5, level: 'warning', agentId: 'a-1', payload: { alert, agentId: 'a-1' } },
      { kind: 'alert_ended', id: 'l-1', agentId: 'a-1' },
      { kind: 'performance', agentId: 'a-1', wireId: 1, performance },
    ]);
    expect([admin.length, other.length]).toEqual([3, 0]);
  });

  it('is its new owner’s from then on, and no more the former’s', () => {
    const { owner, other, admin, picture } = scene();
    picture.describe('a-1', 2, profile({ userId: 'u-2' }));
    expect(owner).toEqual([expect.objectContaining({ kind: 'hidden', agentId: 'a-1', wireId: 1 })]);
    expect(other[0]).toMatchObject({ kind: 'registered', agents: [{ agentId: 'a-1', full: true, namespace: 'u-2' }] });
    expect(admin).toMatchObject([{ kind: 'registered', agents: [{ namespace: 'u-2' }] }]);
  });

  it('counts agents, those that are online, and what waits in all inboxes', () => {
    const { scenes, sockets, picture, pass } = scene();
    sockets(1);
    picture.apply({ kind: 'inbox', id: 'a-1', version: 1, queued: 4 });
    picture.apply({ kind: 'inbox', id: 'b-1', version: 1, queued: 2 });
    pass(200);
    expect(scenes.count).toEqual({ total: 2, active: 1, queued: 6 });
  });
});
