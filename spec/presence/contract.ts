import fc from 'fast-check';
import type { Presence } from '../../presence/index.ts';
import { eventually } from '../support/eventually.ts';
import { PresenceClient, type PresenceDiff, sorted, TestChannel } from './client.ts';

/** One node's presence, with what it broadcasts. */
export interface PresenceNode {
  readonly presence: Presence;
  /** Listens to the diffs of a topic on this node. */
  onDiff(topic: string, listener: (payloadJson: string) => void): void;
}

export interface Deployment {
  readonly nodes: readonly PresenceNode[];
  close(): Promise<void>;
}

export function presenceContract(adapter: string, open: (diffIntervalMs: number) => Promise<Deployment>) {
  describe(`presence, ${adapter}`, () => {
    let deployment: Deployment;
    let first: PresenceNode;
    let last: PresenceNode;
    afterEach(() => deployment.close());

    const start = async (diffIntervalMs: number) => {
      deployment = await open(diffIntervalMs);
      first = deployment.nodes[0] as PresenceNode;
      last = deployment.nodes.at(-1) as PresenceNode;
    };

    it('shows all nodes what each tracks, updates and untracks', async () => {
      await start(0);
      const members = await Promise.all(deployment.nodes.map((node) => join(node, 'room')));
      const channel = new TestChannel('room');
      const ref = first.presence.track(channel, 'ann', { status: 'online' });
      await eventually(() => {
        for (const { member } of members)
          expect(member.metas).toEqual(sorted([['ann', [{ status: 'online', phx_ref: ref }]]]));
      });

      expect(first.presence.update(channel, 'ann', { status: 'busy' })).toBe(true);
      const [busy] = first.presence.get('room', 'ann');
      expect(busy).toEqual({ status: 'busy', phx_ref: expect.any(String), phx_ref_prev: ref });
      expect(busy?.phx_ref).not.toBe(ref);
      await eventually(() => {
        for (const { member } of members) {
          expect(member.metas).toEqual(sorted([['ann', [busy]]]));
          expect(member.seen.at(-1)).toEqual({
            joins: { ann: { metas: [busy] } },
            leaves: { ann: { metas: [{ status: 'online', phx_ref: ref }] } },
          });
        }
        for (const { presence } of deployment.nodes) expect(presence.get('room', 'ann')).toEqual([busy]);
      });

      first.presence.untrack(channel, 'ann');
      await eventually(() => {
        for (const { member } of members) expect(member.metas).toEqual([]);
        for (const { presence } of deployment.nodes) expect([...presence.keys('room')]).toEqual([]);
      });
    });

    it('tells listeners on any node which key has changed, once `get` says so', async () => {
      await start(0);
      await Promise.all(deployment.nodes.map(({ presence }) => presence.follow(new TestChannel('room'))));
      const told: string[][] = [];
      const stops = deployment.nodes.map(({ presence }, at) => {
        const lines: string[] = [];
        told[at] = lines;
        return presence.listen('room', (key) => void lines.push(`${key} ${presence.get('room', key).length}`));
      });
      const [channel, elsewhere] = [new TestChannel('room'), new TestChannel('other')];
      first.presence.track(channel, 'ann', {});
      first.presence.track(elsewhere, 'bob', {});
      const all = (lines: string[]) => deployment.nodes.map(() => lines);
      await eventually(() => expect(told).toEqual(all(['ann 1'])));
      first.presence.untrack(channel, 'ann');
      await eventually(() => expect(told).toEqual(all(['ann 1', 'ann 0'])));
      for (const stop of stops) stop();
      first.presence.track(channel, 'cid', {});
      await eventually(() => expect([...last.presence.keys('room')]).toEqual(['cid']));
      expect(told).toEqual(all(['ann 1', 'ann 0']));
    });

    it('gives a newcomer on any node the state of all', async () => {
      await start(0);
      const channels = deployment.nodes.map(({ presence }, index) => {
        const channel = new TestChannel('room');
        presence.track(channel, 'ann', { node: index });
        presence.track(channel, `only ${index}`, {});
        return channel;
      });
      await eventually(async () => {
        for (const node of deployment.nodes) {
          const { member, channel } = await join(node, 'room');
          expect(member.metas.map(([key, metas]) => [key, metas.length])).toEqual([
            ['ann', channels.length],
            ...channels.map((_, index) => [`only ${index}`, 1]),
          ]);
          channel.end();
        }
      });
    });

    it('has several metas of a key, newest last, and removes one at a time', async () => {
      await start(0);
      const { member } = await join(last, 'room');
      const channels = deployment.nodes
        .flatMap((node) => [node, node])
        .map((node) => ({ node, channel: new TestChannel('room') }));
      const refs: string[] = [];
      for (const { node, channel } of channels) {
        refs.push(node.presence.track(channel, 'ann', {}));
        await eventually(() => expect(last.presence.get('room', 'ann').map((meta) => meta.phx_ref)).toEqual(refs));
      }
      for (const { channel } of channels) {
        channel.end();
        refs.shift();
        await eventually(() => {
          expect(last.presence.get('room', 'ann').map((meta) => meta.phx_ref)).toEqual(refs);
          expect(member.metas.flatMap(([, metas]) => metas).length).toBe(refs.length);
        });
      }
    });

    it('has the newest meta of a key last for whoever follows later, too', async () => {
      await start(0);
      const refs: string[] = [];
      for (const { presence } of [...deployment.nodes, ...deployment.nodes]) {
        refs.push(presence.track(new TestChannel('room'), 'ann', {}));
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      await eventually(async () => {
        const { channel, member } = await join(last, 'room');
        expect(last.presence.get('room', 'ann').map((meta) => meta.phx_ref)).toEqual(refs);
        expect(member.metas.flatMap(([, metas]) => metas)).toHaveLength(refs.length);
        channel.end();
      });
    });

    it('ends with the channel all that it tracks, in one diff', async () => {
      await start(0);
      const { member } = await join(last, 'room');
      const channel = new TestChannel('room');
      for (const key of ['a', 'b', 'c']) first.presence.track(channel, key, {});
      await eventually(() => expect(member.metas).toHaveLength(3));
      channel.end();
      await eventually(() => expect(member.metas).toEqual([]));
      expect(Object.keys(member.seen.at(-1)?.leaves ?? {})).toEqual(['a', 'b', 'c']);
      first.presence.untrack(channel, 'a');
      expect(first.presence.update(channel, 'a', {})).toBe(false);
    });

    it('tracks nothing for a channel that has ended', async () => {
      await start(0);
      const channel = new TestChannel('room');
      channel.end();
      expect(first.presence.track(channel, 'ann', {})).toEqual(expect.any(String));
      await first.presence.follow(channel);
      expect([...first.presence.keys('room')]).toEqual([]);
    });

    it('takes any key, meta and topic as they are', async () => {
      await start(0);
      const odd = ['__proto__', 'constructor', 'toString', '', '"\\\n', 'é😀', 'a:b', '\u2028'];
      for (const topic of odd) {
        const { member } = await join(last, topic);
        const channel = new TestChannel(topic);
        const metas = new Map<string, unknown>();
        for (const key of odd) {
          const meta = JSON.parse(
            `{${JSON.stringify(key)}:{"deep":[1,null,"é"]},"phx_ref":"mine","phx_ref_prev":"mine"}`,
          );
          const ref = first.presence.track(channel, key, meta);
          metas.set(
            key,
            [{ ...meta, phx_ref: ref }].map(({ phx_ref_prev: _, ...own }) => own),
          );
        }
        const expected = sorted([...metas].map(([key, each]) => [key, each as unknown[]]));
        await eventually(() => expect(member.metas.map(sortFields)).toEqual(expected.map(sortFields)));
        expect(JSON.parse(last.presence.state(topic))).not.toBe(null);
        channel.end();
        await eventually(() => expect(member.metas).toEqual([]));
      }
      expect(({} as Record<string, unknown>).deep).toBeUndefined();
    });

    it('keeps topics apart', async () => {
      await start(0);
      const [room, hall] = [await join(last, 'room'), await join(last, 'hall')];
      first.presence.track(new TestChannel('hall'), 'ann', {});
      await eventually(() => expect(hall.member.metas).toHaveLength(1));
      expect(room.member.metas).toEqual([]);
    });

    it('tells everybody the truth, whatever happens, in whatever order', async () => {
      await start(20);
      let round = 0;
      await fc.assert(
        fc.asyncProperty(actions(deployment.nodes.length), async (todo) => {
          const topic = `room ${round++}`;
          const run = new Run(deployment.nodes, topic);
          const members = await Promise.all(deployment.nodes.map((node) => join(node, topic)));
          for (const action of todo) await run.take(action);
          await eventually(() => {
            for (const [index, { member }] of members.entries()) {
              expect(member.metas).toEqual(run.truth());
              expect(seenBy(deployment.nodes[index] as PresenceNode, topic)).toEqual(run.truth());
            }
          });
          // Whoever joined in the middle of it knows as much.
          for (const { member } of run.joined) expect(member.metas).toEqual(run.truth());
          for (const { channel } of [...members, ...run.joined]) channel.end();
          run.end();
        }),
        { numRuns: 30 },
      );
    });
  });
}

/** A member that follows, with the state and all diffs from then on. */
export async function join(node: PresenceNode, topic: string) {
  const channel = new TestChannel(topic);
  let member: PresenceClient | undefined;
  const early: string[] = [];
  node.onDiff(topic, (payload) => (member ? member.diff(payload) : early.push(payload)));
  await node.presence.follow(channel);
  member = new PresenceClient(node.presence.state(topic));
  for (const payload of early) member.diff(payload);
  return { channel, member };
}

export const seenBy = ({ presence }: PresenceNode, topic: string) =>
  sorted([...presence.keys(topic)].map((key) => [key, presence.get(topic, key)]));

type Action =
  | { readonly type: 'track'; readonly channel: number; readonly key: string }
  | { readonly type: 'update'; readonly channel: number; readonly key: string }
  | { readonly type: 'untrack'; readonly channel: number; readonly key: string }
  | { readonly type: 'end'; readonly channel: number }
  | { readonly type: 'join'; readonly node: number }
  | { readonly type: 'turn' }
  | { readonly type: 'wait' };

const channelsPerNode = 3;

export function actions(nodes: number): fc.Arbitrary<Action[]> {
  const channel = fc.nat({ max: nodes * channelsPerNode - 1 });
  const key = fc.constantFrom('a', 'b', '__proto__');
  const verb = fc.constantFrom('track' as const, 'update' as const, 'untrack' as const);
  return fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.record({ type: verb, channel, key }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('end' as const), channel }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('join' as const), node: fc.nat({ max: nodes - 1 }) }) },
      { weight: 2, arbitrary: fc.constantFrom({ type: 'turn' as const }, { type: 'wait' as const }) },
    ),
    { maxLength: 60 },
  );
}

/** Does to several nodes what a list of actions says, and knows what is then true. */
export class Run {
  readonly joined: Awaited<ReturnType<typeof join>>[] = [];
  readonly #nodes: readonly PresenceNode[];
  readonly #channels: { readonly node: PresenceNode; channel: TestChannel; tracks: Set<string> }[];
  readonly #topic: string;
  #made = 0;

  constructor(nodes: readonly PresenceNode[], topic: string) {
    this.#nodes = nodes;
    this.#topic = topic;
    this.#channels = nodes.flatMap((node) =>
      Array.from({ length: channelsPerNode }, () => ({
        node,
        channel: new TestChannel(topic),
        tracks: new Set() as Set<string>,
      })),
    );
  }

  async take(action: Action) {
    if (action.type === 'turn') return void (await new Promise(setImmediate));
    if (action.type === 'wait') return void (await new Promise((resolve) => setTimeout(resolve, 8)));
    if (action.type === 'join')
      return void this.joined.push(await join(this.#nodes[action.node] as PresenceNode, this.#topic));

    const at = this.#channels[action.channel];
    if (!at) return;
    const { presence } = at.node;
    if (action.type === 'end') {
      at.channel.end();
      at.channel = new TestChannel(this.#topic);
      at.tracks = new Set();
    } else if (action.type === 'untrack') {
      presence.untrack(at.channel, action.key);
      at.tracks.delete(action.key);
    } else if (action.type === 'update') {
      expect(presence.update(at.channel, action.key, { made: this.#made++ })).toBe(at.tracks.has(action.key));
    } else if (at.tracks.has(action.key)) {
      expect(() => presence.track(at.channel, action.key, {})).toThrow('already tracks');
    } else {
      presence.track(at.channel, action.key, { made: this.#made++ });
      at.tracks.add(action.key);
    }
  }

  /** The metas that each channel tracks, as its own node has them. */
  truth() {
    const metas = new Map<string, unknown[]>();
    for (const node of this.#nodes) {
      const own = new Set(this.#channels.filter((at) => at.node === node).flatMap(({ tracks }) => [...tracks]));
      for (const key of own) metas.set(key, []);
    }
    const count = new Map<string, number>();
    for (const { tracks } of this.#channels) for (const key of tracks) count.set(key, (count.get(key) ?? 0) + 1);
    for (const key of metas.keys()) {
      const all = new Map(
        this.#nodes.flatMap(({ presence }) => presence.get(this.#topic, key)).map((meta) => [meta.phx_ref, meta]),
      );
      metas.set(key, [...all.values()]);
      expect(all.size).toBe(count.get(key));
    }
    return sorted([...metas]);
  }

  end() {
    for (const { channel } of this.#channels) channel.end();
  }
}

const sortFields = ([key, metas]: [string, string[]]) => [
  key,
  metas.map((meta) => JSON.stringify(Object.entries(JSON.parse(meta)).sort(([a], [b]) => (a < b ? -1 : 1)))),
];

export type { PresenceDiff };
