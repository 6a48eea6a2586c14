import { randomUUID } from 'node:crypto';
import { endOfTurn } from '../end_of_turn.ts';
import type { PubSub } from '../pubsub/port.ts';
import { breakConnection, connectRedis, type RedisOptions } from '../redis/connect.ts';
import { writeRefusal } from '../redis/write_refusal.ts';
import { reservedTopics } from '../reserved_topics.ts';
import { within } from '../within.ts';
import { Leases } from './lease.ts';
import { Neighbours } from './neighbours.ts';
import { type NodeInfo, type Nodes, NodesUnavailable } from './port.ts';
import { createTallies } from './tallies.ts';

/** Nodes whisper on this topic that something has changed. */
const { nodes: CHANGED } = reservedTopics;

export interface RedisNodesOptions extends RedisOptions {
  readonly nodeId: string;
  /** Time after which a lease that is not renewed ends. Default 5 s. */
  readonly leaseMs?: number;
  /** Interval at which it renews and looks for others. Default 1 s. */
  readonly renewMs?: number;
  /** Time that other nodes have to come back after Redis itself was away, before they count as gone. Default 3 s. */
  readonly patienceMs?: number;
  /** Given: others see this node come and go at once, and not with their next renewal. Closed after the nodes. */
  readonly pubsub?: PubSub;
}

export interface RedisNodes extends Nodes {
  /**
   * Resolves when the lease stands; also when Redis is there and refuses writes, as it may be read meanwhile. The lease is
   * taken once they work.
   *
   * @throws NodesUnavailable after `timeoutMs`
   */
  ready(timeoutMs: number): Promise<void>;
}

type NodesChange = Parameters<Parameters<Nodes['onChange']>[0]>[0];

/** Leases in Redis. While Redis is away everything stays as it was last known, as the end of a node cannot be seen. */
export function redisNodes(options: RedisNodesOptions): RedisNodes {
  const { nodeId, leaseMs = 5_000, renewMs = 1_000, patienceMs = 3_000, pubsub, onTrouble } = options;
  const redis = connectRedis(options);
  const leases = new Leases(redis, options.networkId, leaseMs);
  const neighbours = new Neighbours();
  const tallies = createTallies();
  const unwritten = new Set<string>();
  const changeListeners: ((change: NodesChange) => void)[] = [];
  const returnListeners: (() => void)[] = [];

  let incarnation: string = randomUUID();
  let holding = false;
  /** The incarnation to take, from the moment when the lease was found lost. */
  let next: string | undefined;
  let gauges: Readonly<Record<string, number>> = {};
  let failed = false;
  let patientUntil = 0;
  let running: Promise<void> | undefined;
  let ticksWaited = 0;
  let closed = false;
  let onReady = () => {};
  const isReady = new Promise<void>((resolve) => {
    onReady = resolve;
  });

  const self = () => ({ id: nodeId, incarnation, gauges });
  const parts = (names: Iterable<string>) => [...names].map((name) => [name, tallies.get(name)] as const);

  /** Renews the lease and writes what is unwritten. @returns false if it has run out. */
  async function renew(): Promise<boolean> {
    const names = [...unwritten];
    unwritten.clear();
    try {
      return await leases.renew(incarnation, { gauges, parts: parts(names) });
    } catch (error) {
      // It may or may not have been written; a part is written whole, so writing it again is harmless.
      for (const name of names) unwritten.add(name);
      throw error;
    }
  }

  /** @returns true if others have seen this node go meanwhile. */
  async function keepLease(): Promise<boolean> {
    if (holding && next === undefined) {
      if (await renew()) return false;
      next = randomUUID();
    }
    // A name stays until it is taken, so that an attempt of unknown outcome leaves no second lease behind.
    const taking = next ?? incarnation;
    unwritten.clear();
    await leases.take(taking, nodeId, { gauges, parts: parts(tallies.names()) });
    const returned = next !== undefined;
    incarnation = taking;
    next = undefined;
    holding = true;
    pubsub?.publish(CHANGED, { event: 'came', payload: '' });
    return returned;
  }

  async function look() {
    const named = (await leases.incarnations()).filter((each) => each !== incarnation);
    const read = await Promise.all(named.map((each) => leases.read(each)));
    await leases.forget(named.filter((_, index) => !read[index]));
    return named.flatMap((each, index): NodeInfo[] => {
      const leased = read[index];
      return leased ? [{ ...leased, incarnation: each }] : [];
    });
  }

  async function renewAndLook() {
    try {
      const returned = await keepLease();
      const seen = await look();
      if (failed || returned) patientUntil = performance.now() + patienceMs;
      failed = false;
      if (closed) return;
      const change = neighbours.look(seen, performance.now() < patientUntil);
      onReady();
      if (returned) for (const listener of returnListeners) listener();
      if (change.joined.length + change.left.length > 0) for (const listener of changeListeners) listener(change);
    } catch (error) {
      failed = true;
      if (writeRefusal(error) !== undefined) onReady();
      throw error;
    }
  }

  function round(): Promise<void> {
    running ??= renewAndLook().finally(() => {
      running = undefined;
      ticksWaited = 0;
    });
    return running;
  }

  function roundSoon() {
    if (closed) return;
    if (running) return void running.then(roundSoon, roundSoon);
    round().catch((error: Error) => {
      // A connection that is away tells of itself.
      if (redis.status === 'ready') onTrouble?.(error);
    });
  }

  function tick() {
    if (!running) roundSoon();
    // Black-holed: TCP would take minutes to notice, and the lease runs out in seconds.
    else if (++ticksWaited >= 2 && redis.status === 'ready') breakConnection(redis);
  }

  redis.on('ready', roundSoon);
  redis.connect().catch(() => {});

  const whisper = pubsub?.subscribe(CHANGED, ({ event }, from) => {
    if (from !== pubsub.nodeId && (event === 'came' || event === 'went')) roundSoon();
  });
  const timer = setInterval(tick, renewMs).unref();

  /** @returns undefined if the lease has run out; else the sum for each name, in their order. */
  async function sumsOfOthers(names: readonly string[]): Promise<number[] | undefined> {
    const known = neighbours.all().map((node) => node.incarnation);
    // One batch: Redis runs it in this order, so the own parts stand before the others are read.
    const [kept, named, ...read] = await Promise.all([
      renew(),
      leases.incarnations(),
      ...known.map((each) => leases.partsOf(each, names)),
    ]);
    if (!kept) return undefined;
    const unknown = named.filter((each) => each !== incarnation && !neighbours.has(each) && !known.includes(each));
    const more = await Promise.all(unknown.map((each) => leases.partsOf(each, names)));
    return names.map((_, at) => [...read, ...more].reduce((sum, parts) => sum + (parts[at] ?? 0), 0));
  }

  /** Asked together in one turn of the event loop: thousands of clients may come at once. */
  let asking: { readonly names: Set<string>; readonly sums: Promise<Map<string, number> | undefined> } | undefined;

  async function askTogether(names: ReadonlySet<string>): Promise<Map<string, number> | undefined> {
    await endOfTurn();
    asking = undefined;
    const asked = [...names];
    const sums = await sumsOfOthers(asked);
    return sums && new Map(asked.map((name, at) => [name, sums[at] ?? 0]));
  }

  /** To be called after the own part has changed. @returns undefined if the lease has run out. */
  async function sumOfOthers(name: string): Promise<number | undefined> {
    if (!asking) {
      const names = new Set<string>();
      asking = { names, sums: askTogether(names) };
    }
    asking.names.add(name);
    return (await asking.sums)?.get(name);
  }

  return {
    get self() {
      return self();
    },
    live: () => [self(), ...neighbours.all()],
    onChange: (listener) => void changeListeners.push(listener),
    onReturn: (listener) => void returnListeners.push(listener),

    async tally(name, by) {
      const own = tallies.add(name, by);
      unwritten.add(name);
      if (closed) throw new NodesUnavailable('closed');
      try {
        for (let attempt = 0; attempt < 3; attempt++) {
          const others = holding && next === undefined ? await sumOfOthers(name) : undefined;
          if (others !== undefined) return own + others;
          await round();
        }
      } catch (cause) {
        throw new NodesUnavailable('Redis is out of reach', { cause });
      }
      throw new NodesUnavailable('the lease ends before the tally can be written');
    },

    async sums(names) {
      if (names.length === 0) return [];
      try {
        const others = (await leases.incarnations()).filter((each) => each !== incarnation);
        const read = await Promise.all(others.map((each) => leases.partsOf(each, names)));
        return names.map((name, at) => read.reduce((sum, parts) => sum + (parts[at] ?? 0), tallies.get(name)));
      } catch (cause) {
        throw new NodesUnavailable('Redis is out of reach', { cause });
      }
    },

    report(numbers) {
      gauges = { ...gauges, ...numbers };
    },

    async ready(timeoutMs) {
      const held = await within(
        timeoutMs,
        isReady.then(() => true),
      );
      if (!held) throw new NodesUnavailable(`Redis has not granted a lease within ${timeoutMs} ms`);
    },

    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      whisper?.stop();
      await running?.catch(() => {});
      await leases.release(incarnation).then(
        () => pubsub?.publish(CHANGED, { event: 'went', payload: '' }),
        () => {},
      );
      redis.disconnect();
    },
  };
}
