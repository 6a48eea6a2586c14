import { randomUUID } from 'node:crypto';
import type { Event } from '../../../channels/coordination/commands.ts';
import { Coordinations } from '../../../channels/coordination/coordinations.ts';
import type { Coordination } from '../../../channels/coordination/state.ts';
import type { NoticeRef } from '../../../channels/messages/notifications.ts';
import { silentLog } from '../../../server/index.ts';
import { type Store, StoreUnavailable } from '../../../server/store/port.ts';
import { embeddedStore, onEveryStore } from '../stores.ts';
import { cancel, participant, terms, vote } from './fixtures.ts';

/** What two nodes tell, and the notices that they settle. */
class TwoNodes {
  readonly told: { type: Event['type']; id: string; status: string | undefined; revision: number }[] = [];
  readonly settled: NoticeRef[] = [];
  isAway = false;
  readonly one: Coordinations;
  readonly two: Coordinations;

  constructor(store: Store, peer: Store) {
    [this.one, this.two] = [this.#open(store), this.#open(peer)];
  }

  #open(store: Store) {
    return new Coordinations({
      store,
      log: silentLog,
      sightings: {
        tell: ({ type }: Event, { id, ending, revision }: Coordination) =>
          void this.told.push({ type, id, status: ending?.status, revision }),
      },
      notifications: {
        acknowledge: async (refs) => {
          if (this.isAway) throw new StoreUnavailable('away');
          this.settled.push(...refs);
        },
      },
    });
  }

  async begin(fields: Parameters<typeof terms>[0] = {}): Promise<string> {
    const id = randomUUID();
    const notices = [{ agentId: 'agent-002', id: `notice-${id}` }];
    const begun = await this.one.apply(id, { type: 'initiate', terms: terms({ ...fields, id }), notices });
    if (!begun.ok) throw new Error(begun.reason);
    return id;
  }

  of(id: string, type: Event['type']) {
    return this.told.filter((each) => each.id === id && each.type === type);
  }
}

onEveryStore((opened) => {
  it('two nodes that decide at once: every vote that was taken counts, and the end is told once', async () => {
    const nodes = new TwoNodes(opened().store, opened().peer);
    for (let round = 0; round < 20; round++) {
      const id = await nodes.begin();
      const answers = await Promise.all([
        nodes.one.apply(id, vote('agent-001', 'approve')),
        nodes.two.apply(id, vote('agent-002', 'approve')),
        nodes.one.apply(id, vote('agent-003', 'reject')),
        nodes.two.apply(id, vote('agent-003', 'abstain')),
        ...(round % 2 ? [nodes.two.apply(id, cancel())] : []),
      ]);
      const read = await nodes.two.read(id);
      const [end, ...more] = nodes.of(id, 'ended');
      expect(more).toEqual([]);
      expect(end?.status).toBe(read?.ending?.status);
      const voted = new Set(answers.slice(0, 3).flatMap((each, at) => (each.ok ? [`agent-00${at + 1}`] : [])));
      for (const agentId of voted) expect(read?.ballots.map((ballot) => ballot.agentId)).toContain(agentId);
      expect(end?.revision).toBe(nodes.of(id, 'progress').length + 2);
      expect(nodes.settled.filter((notice) => notice.id === `notice-${id}`)).toHaveLength(1);
    }
  });
});

describe('the deadline of a coordination', () => {
  let opened: Awaited<ReturnType<typeof embeddedStore>>;
  let nodes: TwoNodes;
  let nowMs: number;
  beforeEach(async () => {
    nowMs = 1_000_000;
    opened = await embeddedStore(() => nowMs);
    nodes = new TwoNodes(opened.store, opened.peer);
  });
  afterEach(() => opened.discard());

  /** Wakes what is due, as many nodes as are told: all but the first come late. */
  async function runDue(by: readonly Coordinations[]): Promise<number> {
    const due = await opened.store.claimDue('coordination', 10, 10_000);
    await Promise.all(due.flatMap(({ id }) => by.map((node) => node.wake(id))));
    await Promise.all(by.map((node) => node.settled()));
    return due.length;
  }

  it('is the millisecond from which no vote counts, on every node, handled or not', async () => {
    const id = await nodes.begin({ timeoutMs: 1_000 });
    nowMs += 999;
    const early = await Promise.all([
      nodes.one.apply(id, vote('agent-001', 'approve')),
      nodes.two.apply(id, vote('agent-002', 'abstain')),
    ]);
    expect(early.map(({ ok }) => ok)).toEqual([true, true]);
    expect((await nodes.two.read(id))?.ending).toBeNull();
    expect(await runDue([nodes.one, nodes.two])).toBe(0);
    nowMs += 1;
    const late = await Promise.all([
      nodes.one.apply(id, vote('agent-003', 'approve')),
      nodes.two.apply(id, vote('agent-002', 'approve')),
      nodes.two.apply(id, cancel()),
    ]);
    for (const each of late)
      expect(each).toMatchObject({ reason: 'coordination_closed', details: { status: 'TIMED_OUT' } });
    expect((await nodes.two.read(id))?.ending).toEqual({ status: 'TIMED_OUT', atMs: nowMs });
    expect(nodes.of(id, 'ended')).toEqual([]);

    nowMs += 5_000;
    expect(await runDue([nodes.one, nodes.two, nodes.one])).toBe(1);
    expect(nodes.of(id, 'ended')).toMatchObject([{ status: 'TIMED_OUT' }]);
    expect((await nodes.one.read(id))?.ending?.atMs).toBe(nowMs - 5_000);
    expect(new Set(nodes.settled.map((notice) => notice.id))).toEqual(new Set([`notice-${id}`]));
    nowMs += 100_000;
    expect(await runDue([nodes.one])).toBe(0);
  });

  it('settles the notices later where the store was away at the end', async () => {
    const id = await nodes.begin();
    nodes.isAway = true;
    await nodes.one.apply(id, cancel());
    expect(nodes.of(id, 'ended')).toHaveLength(1);
    nowMs += 5_000;
    expect(await runDue([nodes.two])).toBe(1);
    expect(nodes.settled).toEqual([]);
    nodes.isAway = false;
    nowMs += 10_000;
    expect(await runDue([nodes.two])).toBe(1);
    expect(nodes.settled).toHaveLength(1);
    nowMs += 100_000;
    expect(await runDue([nodes.two])).toBe(0);
    // As the first node may have died before it told: with the same revision, by which who has heard it knows.
    expect(new Set(nodes.of(id, 'ended').map(({ revision }) => revision))).toEqual(new Set([2]));
  });

  it('removes what it said 30 days after its end', async () => {
    const id = await nodes.begin({ participants: [participant('agent-002')] });
    await nodes.one.apply(id, cancel());
    nowMs += 30 * 86_400_000 - 1;
    expect(await runDue([nodes.one])).toBe(0);
    nowMs += 1;
    expect(await runDue([nodes.one])).toBe(1);
    expect(await nodes.two.read(id)).toBeUndefined();
    const { fields } = await opened.store.read({ kind: 'coordination', id });
    expect(fields).toEqual({ forgotten: 'true' });
    nowMs += 1_000_000;
    expect(await runDue([nodes.one])).toBe(0);
  });
});
