import { randomUUID } from 'node:crypto';
import { NodeParts, type PartsListener } from '../../../channels/kernel/node_parts.ts';
import { inMessages } from '../../../channels/kernel/node_parts_words.ts';
import type { NodeInfo, Nodes } from '../../../server/nodes/port.ts';
import { redisNodes } from '../../../server/nodes/redis.ts';
import type { Broadcast, Deliver, PubSub } from '../../../server/pubsub/port.ts';
import { redisPubSub } from '../../../server/pubsub/redis.ts';
import { eventually } from '../../support/eventually.ts';
import { proxyTo } from '../../support/proxy.ts';
import { sharedRedisUrl } from '../../support/redis.ts';

type Item = readonly [key: string, value: number];
type Parts = NodeParts<Item, Item>;

/** Numbers by key that one node counts, and as a look has added up those of all. */
class Counters {
  readonly numbers = new Map<string, number>();
  readonly parts: Parts;
  readonly watched: boolean[] = [];

  constructor(options: { pubsub: PubSub; nodes: Pick<Nodes, 'self' | 'live' | 'onChange'> }) {
    this.parts = new NodeParts<Item, Item>({
      hub: options,
      nodes: options.nodes,
      name: 'spec',
      part: () => this.numbers,
      onWatched: (isWatched) => void this.watched.push(isWatched),
    });
  }

  set(key: string, value: number): void {
    this.numbers.set(key, value);
    this.parts.tell([key, value]);
  }
}

class Mirror implements PartsListener<Item, Item> {
  readonly known = new Map<string, Map<string, number>>();
  readonly told: string[] = [];
  losses = 0;

  part(node: string, items: readonly Item[]): void {
    this.known.set(node, new Map(items));
    this.told.push(`part ${node}`);
  }

  change(node: string, [key, value]: Item): void {
    const known = this.known.get(node);
    if (!known) throw new Error(`a change of a node that has told no part: ${node}`);
    known.set(key, value);
    this.told.push(`${key}=${value}`);
  }

  gone(node: string): void {
    this.known.delete(node);
    this.told.push(`gone ${node}`);
  }

  lost(): void {
    this.losses++;
  }

  get(node: string) {
    return Object.fromEntries(this.known.get(node) ?? []);
  }
}

/** Nodes in this process; what one publishes reaches the others a moment later, unless it is dropped. */
class Fabric {
  readonly messages: { readonly from: string; readonly event: string; readonly length: number }[] = [];
  readonly #members = new Map<
    string,
    { info: NodeInfo; deliver: Map<string, Set<Deliver>>; changed: ((change: Change) => void)[] }
  >();
  drops: (from: string, message: Broadcast) => boolean = () => false;
  readonly gaps = new Map<string, () => void>();

  add(id: string): Counters {
    const info = { id, incarnation: `i-${id}-${randomUUID()}`, gauges: {} };
    const deliver = new Map<string, Set<Deliver>>();
    const changed: ((change: Change) => void)[] = [];
    const send = (topic: string, message: Broadcast) => {
      this.messages.push({ from: id, event: message.event, length: message.payload.length });
      for (const to of deliver.get(topic) ?? []) to(message, id);
      if (this.drops(id, message)) return;
      setImmediate(() => {
        for (const [other, member] of this.#members) {
          if (other !== id) for (const to of member.deliver.get(topic) ?? []) to(message, id);
        }
      });
    };
    const pubsub: PubSub = {
      nodeId: id,
      publish: send,
      subscribe(topic, listener) {
        const of = deliver.get(topic) ?? new Set();
        deliver.set(topic, of.add(listener));
        return { ready: undefined, stop: () => void of.delete(listener) };
      },
      onGap: (listener) => void this.gaps.set(id, listener),
      silenceMs: () => 0,
      lagMs: () => 0,
      close: async () => {},
    };
    const nodes = {
      self: info,
      live: () => [...this.#members.values()].map((member) => member.info),
      onChange: (listener: (change: Change) => void) => void changed.push(listener),
    };
    this.#members.set(id, { info, deliver, changed });
    const counters = new Counters({ pubsub, nodes });
    open.push(counters.parts);
    this.#tell(id, { joined: [info], left: [] });
    return counters;
  }

  kill(id: string): void {
    const member = this.#members.get(id);
    this.#members.delete(id);
    if (member) this.#tell(id, { joined: [], left: [member.info] });
  }

  incarnation(id: string): string {
    return this.#members.get(id)?.info.incarnation ?? '';
  }

  #tell(except: string, change: Change): void {
    for (const [id, { changed }] of this.#members) if (id !== except) for (const listener of changed) listener(change);
  }
}

type Change = { readonly joined: readonly NodeInfo[]; readonly left: readonly NodeInfo[] };

const open: Parts[] = [];
afterEach(() => {
  for (const parts of open.splice(0)) parts.close();
});

const count = (fabric: Fabric, event: string) => fabric.messages.filter((message) => message.event === event).length;

describe('what nodes know by themselves', () => {
  it('is handed over whole at the first look, and then as it changes', async () => {
    const fabric = new Fabric();
    const [here, there] = [fabric.add('here'), fabric.add('there')];
    here.set('a', 1);
    there.set('b', 2);
    const mirror = new Mirror();
    await here.parts.look(mirror);
    expect(mirror.get(fabric.incarnation('here'))).toEqual({ a: 1 });
    expect(mirror.get(fabric.incarnation('there'))).toEqual({ b: 2 });
    here.set('a', 3);
    expect(mirror.get(fabric.incarnation('here'))).toEqual({ a: 3 });
    for (let value = 1; value <= 2_000; value++) there.set('b', value);
    await eventually(() => expect(mirror.get(fabric.incarnation('there'))).toEqual({ b: 2_000 }));
    expect(mirror.told.filter((line) => line.startsWith('b='))).toEqual(
      Array.from({ length: 2_000 }, (_, at) => `b=${at + 1}`),
    );
    expect(mirror.losses).toBe(0);
  });

  it('is told to nobody while nobody looks, and no more after the last has stopped', async () => {
    const fabric = new Fabric();
    const [here, there] = [fabric.add('here'), fabric.add('there')];
    there.set('b', 1);
    expect([there.parts.isWatched, fabric.messages.length]).toEqual([false, 0]);
    const [one, other] = [new Mirror(), new Mirror()];
    const stop = await here.parts.look(one);
    const stopOther = await here.parts.look(other);
    expect([here.parts.isWatched, there.parts.isWatched]).toEqual([true, true]);
    stop();
    stop();
    there.set('b', 2);
    await eventually(() => expect(other.get(fabric.incarnation('there'))).toEqual({ b: 2 }));
    expect(one.get(fabric.incarnation('there'))).toEqual({ b: 1 });
    stopOther();
    await eventually(() => expect(there.parts.isWatched).toBe(false));
    expect(here.parts.isWatched).toBe(false);
    const before = fabric.messages.length;
    there.set('b', 3);
    here.set('a', 3);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(fabric.messages.length).toBe(before);
    expect([here.watched, there.watched]).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  it('runs out of interest by itself when the node that looks dies', async () => {
    const fabric = new Fabric();
    const [here, there] = [fabric.add('here'), fabric.add('there')];
    await here.parts.look(new Mirror());
    fabric.drops = (from) => from === 'here';
    expect(there.parts.isWatched).toBe(true);
    await eventually(() => expect(there.parts.isWatched).toBe(false), 30_000);
  });

  it('is asked for again where a change was lost, by the next one or soon without one', async () => {
    const fabric = new Fabric();
    const [here, there] = [fabric.add('here'), fabric.add('there')];
    const mirror = new Mirror();
    await here.parts.look(mirror);
    const lose = async (key: string) => {
      const before = count(fabric, 'changes');
      fabric.drops = (_, { event }) => event === 'changes';
      there.set(key, 1);
      await eventually(() => expect(count(fabric, 'changes')).toBe(before + 1));
      fabric.drops = () => false;
    };
    await lose('x');
    there.set('y', 2);
    await eventually(() => expect(mirror.losses).toBe(1));
    expect(mirror.get(fabric.incarnation('there'))).toEqual({ x: 1, y: 2 });
    await lose('z');
    await eventually(() => expect(mirror.losses).toBe(2));
    expect(mirror.get(fabric.incarnation('there'))).toEqual({ x: 1, y: 2, z: 1 });
  });

  it('is told to those who look already also where another one begins to', async () => {
    const fabric = new Fabric();
    const [here, there, third] = [fabric.add('here'), fabric.add('there'), fabric.add('third')];
    const mirror = new Mirror();
    await here.parts.look(mirror);
    const looking = third.parts.look(new Mirror());
    there.set('meanwhile', 1);
    await looking;
    await eventually(() => expect(mirror.get(fabric.incarnation('there'))).toEqual({ meanwhile: 1 }));
    expect(mirror.told).toContain('meanwhile=1');
  });

  it('is asked for again after a gap, and told as lost once all have answered', async () => {
    const fabric = new Fabric();
    const [here, there] = [fabric.add('here'), fabric.add('there')];
    const mirror = new Mirror();
    await here.parts.look(mirror);
    there.numbers.set('silent', 7);
    fabric.gaps.get('here')?.();
    await eventually(() => expect(mirror.losses).toBe(1));
    expect(mirror.get(fabric.incarnation('there'))).toEqual({ silent: 7 });
  });

  it('has nodes come and go', async () => {
    const fabric = new Fabric();
    const here = fabric.add('here');
    const mirror = new Mirror();
    await here.parts.look(mirror);
    const there = fabric.add('there');
    there.set('b', 1);
    const node = fabric.incarnation('there');
    await eventually(() => expect(mirror.get(node)).toEqual({ b: 1 }));
    fabric.kill('there');
    expect(mirror.told.at(-1)).toBe(`gone ${node}`);
    expect(mirror.known.has(node)).toBe(false);
    fabric.add('there').set('b', 9);
    await eventually(() => expect(mirror.get(fabric.incarnation('there'))).toEqual({ b: 9 }));
    expect(mirror.losses).toBe(0);
  });

  it('goes on without a node that does not answer, and takes what it says later', async () => {
    const fabric = new Fabric();
    const [here, mute] = [fabric.add('here'), fabric.add('mute')];
    mute.set('m', 1);
    fabric.drops = (from) => from === 'mute';
    const mirror = new Mirror();
    await here.parts.look(mirror);
    expect(mirror.known.size).toBe(1);
    fabric.drops = () => false;
    await eventually(() => expect(mirror.get(fabric.incarnation('mute'))).toEqual({ m: 1 }));
  });

  it('comes in messages of bounded length, and whole', async () => {
    const fabric = new Fabric();
    const [here, there] = [fabric.add('here'), fabric.add('there')];
    for (let at = 0; at < 20_000; at++) there.set(`key-${at}`, at);
    const mirror = new Mirror();
    await here.parts.look(mirror);
    expect(mirror.get(fabric.incarnation('there'))).toEqual(Object.fromEntries(there.numbers));
    expect(count(fabric, 'part')).toBeGreaterThan(5);
    expect(Math.max(...fabric.messages.map(({ length }) => length))).toBeLessThan(66_000);
  });

  it('is asked for again when one of several messages was lost', async () => {
    const fabric = new Fabric();
    const [here, there] = [fabric.add('here'), fabric.add('there')];
    for (let at = 0; at < 20_000; at++) there.numbers.set(`key-${at}`, at);
    let parts = 0;
    fabric.drops = (_, { event }) => event === 'part' && ++parts === 2;
    const mirror = new Mirror();
    await here.parts.look(mirror);
    await eventually(() => expect(Object.keys(mirror.get(fabric.incarnation('there')))).toHaveLength(20_000));
    expect(mirror.told.filter((line) => line === `part ${fabric.incarnation('there')}`)).toHaveLength(1);
  });
});

describe('values in messages', () => {
  it('are all there in order, and one that is too long has a message to itself', () => {
    const values = ['a'.repeat(40_000), 'b'.repeat(40_000), 'c'.repeat(100_000), 'd'];
    const messages = inMessages(values);
    expect(messages).toHaveLength(4);
    expect(messages.flatMap((message) => JSON.parse(message))).toEqual(values);
    expect(inMessages([])).toEqual(['[]']);
  });
});

describe('what nodes know by themselves, through Redis', () => {
  it('is whole after any order of changes, looks, a lost connection, and a node that went', async () => {
    const networkId = `spec-${randomUUID()}`;
    const { hostname, port } = new URL(sharedRedisUrl());
    const proxy = await proxyTo({ host: hostname, port: Number(port) });
    const closes: (() => Promise<unknown>)[] = [() => proxy.stop()];
    const node = async (nodeId: string, url: string) => {
      const pubsub = redisPubSub({ url, networkId, nodeId, canaryMs: 100, onTrouble() {} });
      await pubsub.ready(20_000);
      const nodes = redisNodes({ url: sharedRedisUrl(), networkId, nodeId, renewMs: 50, pubsub });
      await nodes.ready(20_000);
      closes.unshift(() => nodes.close().then(() => pubsub.close()));
      const counters = new Counters({ pubsub, nodes });
      open.push(counters.parts);
      return { counters, nodes };
    };
    try {
      const here = await node('here', proxy.url);
      const there = await node('there', sharedRedisUrl());
      await eventually(() => expect(here.nodes.live()).toHaveLength(2));
      const key = there.nodes.self.incarnation;
      for (let at = 0; at < 100; at++) there.counters.set(`k${at % 7}`, at);
      const mirror = new Mirror();
      const looking = here.counters.parts.look(mirror);
      const same = () => expect(mirror.get(key)).toEqual(Object.fromEntries(there.counters.numbers));
      for (let at = 0; at < 300; at++) {
        there.counters.set(`k${at % 11}`, at);
        if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await looking;
      await eventually(same);
      proxy.cut();
      for (let at = 0; at < 50; at++) there.counters.set(`k${at % 5}`, -at);
      proxy.heal();
      await eventually(() => {
        expect(mirror.losses).toBeGreaterThan(0);
        same();
      });
      there.counters.set('after', 1);
      await eventually(same);
      await there.nodes.close();
      await eventually(() => expect(mirror.told.at(-1)).toBe(`gone ${key}`));
    } finally {
      for (const close of closes) await close();
    }
  });
});
