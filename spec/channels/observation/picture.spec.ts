import fc from 'fast-check';
import type { Alert } from '../../../channels/analytics/alerts.ts';
import type { PresenceStatus } from '../../../channels/discovery/presence_status.ts';
import type { SeenTask, WholeDeed } from '../../../channels/observation/deeds.ts';
import { type KnownAgent, Picture, type PictureListener, type Profile } from '../../../channels/observation/picture.ts';
import type { LocalSockets } from '../../../channels/principals/open_sockets.ts';

const profile = (fields: Partial<Profile> = {}): Profile => ({
  wireId: 1,
  name: 'Ada',
  userId: null,
  capabilities: [],
  isSuspended: false,
  registeredAtMs: 0,
  multiAgentId: undefined,
  ...fields,
});

const task = (version: number, status: SeenTask['status'], id = 't-1'): SeenTask => ({
  kind: 'task',
  id,
  version,
  client: 'c-1',
  provider: 'a-1',
  app: null,
  capability: null,
  status,
  insertedAtMs: 0,
  startedAtMs: null,
  finishedAtMs: null,
});

const sockets = (count: number, fields: Partial<LocalSockets> = {}): LocalSockets => ({
  agentId: 'a-1',
  sockets: count,
  agentSockets: count,
  openedAtMs: count > 0 ? 5 : 0,
  discoveredAtMs: 0,
  ...fields,
});

class Heard implements PictureListener {
  readonly lines: string[] = [];
  appeared = ({ id }: KnownAgent) => void this.lines.push(`appeared ${id}`);
  described = ({ id }: KnownAgent) => void this.lines.push(`described ${id}`);
  touched: PictureListener['touched'] = ({ id }, cause) => void this.lines.push(`${id}: ${cause?.reason}`);
  figured() {}
  alerted: PictureListener['alerted'] = (_agent, raised, ended) =>
    void this.lines.push(`raised ${raised.map(({ id }) => id)} ended ${ended.map(({ id }) => id)}`);
  tasked() {}
  taskTouched = (id: string) => void this.lines.push(`touched ${id}`);

  take(): string[] {
    return this.lines.splice(0);
  }
}

describe('what is known of agents', () => {
  const presences = new Map<string, PresenceStatus>();
  const make = () => {
    const heard = new Heard();
    return { heard, picture: new Picture((id) => presences.get(id) ?? 'offline', heard) };
  };
  beforeEach(() => presences.clear());

  it('is the latest of each thing, in whatever order and how often it is heard', () => {
    const deeds: WholeDeed[] = [
      task(1, 'pending'),
      task(2, 'in_progress'),
      task(5, 'completed'),
      task(1, 'in_progress', 't-2'),
      task(3, 'in_progress', 't-2'),
      { kind: 'inbox', id: 'a-1', version: 2, queued: 9 },
      { kind: 'inbox', id: 'a-1', version: 4, queued: 3 },
      { kind: 'figures', id: 'a-1', version: 1, alerts: [{ id: 'l-1', kind: 'task_latency' } as Alert] },
      { kind: 'figures', id: 'a-1', version: 2, alerts: [{ id: 'l-2', kind: 'dispute_opened' } as Alert] },
    ];
    const order = fc.array(fc.nat(deeds.length - 1), { maxLength: 20 });
    fc.assert(
      fc.property(order, fc.shuffledSubarray([...deeds.keys()], { minLength: deeds.length }), (first, rest) => {
        const { picture } = make();
        for (const at of [...first, ...rest]) picture.apply(deeds[at] as WholeDeed);
        const agent = picture.known('a-1');
        expect([...agent.running.keys()]).toEqual(['t-2']);
        expect(picture.circumstancesOf(agent)).toMatchObject({ running: 1, queued: 3, alertKinds: ['dispute_opened'] });
        expect([...picture.runningTasks()].map(({ id }) => id)).toEqual(['t-2']);
      }),
    );
  });

  it('changes for a reason', () => {
    const { picture, heard } = make();
    picture.describe('a-1', 1, profile());
    picture.describe('a-1', 1, profile());
    picture.socketsChanged('n-1', sockets(1));
    presences.set('a-1', 'online');
    picture.presenceChanged('a-1');
    picture.presenceChanged('a-1');
    for (const deed of [task(1, 'pending'), task(2, 'in_progress'), task(3, 'in_progress'), task(4, 'failed')])
      picture.apply(deed);
    picture.applySession('s-1', 1, 'a-1');
    picture.applySession('s-1', 2, undefined);
    presences.set('a-1', 'busy');
    picture.presenceChanged('a-1');
    picture.apply({ kind: 'figures', id: 'a-1', version: 1, alerts: [{ id: 'l-1' } as Alert] });
    picture.apply({ kind: 'figures', id: 'a-1', version: 2, alerts: [] });
    picture.nodeDrains('n-1');
    presences.delete('a-1');
    picture.presenceChanged('a-1');
    picture.socketsChanged('n-1', sockets(0));
    picture.describe('a-1', 2, profile({ isSuspended: true }));
    picture.apply({ kind: 'task_touched', id: 't-9', version: 1 });
    expect(heard.take()).toEqual([
      'appeared a-1',
      'a-1: Connected',
      'a-1: Joined discovery',
      'a-1: Task assigned',
      'a-1: Task failed',
      'a-1: Session working',
      'a-1: Session answered',
      'a-1: Presence updated',
      'raised l-1 ended ',
      'a-1: Alert raised',
      'raised  ended l-1',
      'a-1: Alert ended',
      'a-1: Node draining',
      'a-1: Left discovery',
      'a-1: Disconnected',
      'described a-1',
      'a-1: Suspended',
      'touched t-9',
    ]);
  });

  it('adds up the sockets of nodes, forgets those of one that is gone, and replaces those of one that tells anew', () => {
    const { picture, heard } = make();
    const now = () => picture.circumstancesOf(picture.known('a-1'));
    picture.socketsChanged('n-1', sockets(2, { openedAtMs: 7, discoveredAtMs: 8 }));
    picture.socketsChanged('n-2', sockets(1, { openedAtMs: 4, agentSockets: 0 }));
    expect(now()).toMatchObject({ sockets: 3, agentSockets: 2, openedAtMs: 4, discoveredAtMs: 8, drainingSockets: 0 });
    picture.nodeDrains('n-2');
    expect(now().drainingSockets).toBe(1);
    // Closed, but it knows that the agent was discovered.
    picture.socketsChanged('n-1', sockets(0, { discoveredAtMs: 8 }));
    expect(now()).toMatchObject({ sockets: 1, openedAtMs: 4, discoveredAtMs: 8 });
    picture.replaceNode('n-2', [], false);
    expect(now()).toMatchObject({ sockets: 0, openedAtMs: 0, drainingSockets: 0 });
    picture.replaceNode('n-2', [sockets(1)], true);
    expect(now()).toMatchObject({ sockets: 1, drainingSockets: 1 });
    heard.take();
    picture.nodeGone('n-2');
    expect(now().sockets).toBe(0);
    expect(heard.take()).toEqual(['a-1: Disconnected']);
    picture.nodeGone('n-2');
    expect(heard.take()).toEqual([]);
  });
});
