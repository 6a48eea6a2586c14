import {
  breakConnection,
  chunks,
  connectRedis,
  keyPrefix,
  leaseKey,
  type RedisConnection,
  type RedisOptions,
} from '../server/redis/index.ts';
import { Entry } from './entry.ts';

/** The entries that one node has tracked on one topic. Version 0: nothing. */
export interface Shard {
  readonly version: number;
  readonly entries: readonly Entry[];
}

/**
 * The truth in Redis. A shard is a hash per (incarnation, topic): its entries by ref, and its version under the empty
 * name. Beside it one hash per incarnation with the versions of all its shards, to compare many at once, and one hash
 * of all incarnations that have ever shared, so that whoever sees one gone can remove what it left.
 */
export class ShardStore {
  readonly redis: RedisConnection;
  readonly #prefix: string;
  readonly #networkId: string;

  constructor(options: RedisOptions) {
    this.redis = connectRedis(options);
    this.#networkId = options.networkId;
    this.#prefix = `${keyPrefix(options.networkId)}presence:`;
    this.redis.connect().catch(() => {});
  }

  get connected(): boolean {
    return this.redis.status === 'ready';
  }

  /** Adds to a shard and removes from it, in one step. */
  async change(
    incarnation: string,
    topic: string,
    version: number,
    joins: readonly Entry[],
    leaves: readonly string[],
  ) {
    await this.#write(incarnation, topic, version, joins, leaves, false);
  }

  /** Makes a shard consist of `entries`; without entries there is no shard. */
  async replace(incarnation: string, topic: string, version: number, entries: readonly Entry[]) {
    await this.#write(incarnation, topic, version, entries, [], true);
  }

  async #write(
    incarnation: string,
    topic: string,
    version: number,
    joins: readonly Entry[],
    leaves: readonly string[],
    anew: boolean,
  ) {
    const [shard, versions] = [this.#shard(incarnation, topic), this.#versions(incarnation)];
    // In another slot, so not in the transaction; a write counts once both are there.
    const named = this.redis.hsetnx(this.#owners, incarnation, 'sharing');
    const transaction = this.redis.multi();
    if (anew) transaction.unlink(shard);
    if (version === 0) transaction.hdel(versions, topic);
    else transaction.hset(versions, topic, version).hset(shard, '', version);
    for (const some of chunks(joins)) transaction.hset(shard, ...some.flatMap((entry) => [entry.ref, wireText(entry)]));
    for (const refs of chunks(leaves)) transaction.hdel(shard, ...refs);
    const [results] = await this.#answer(Promise.all([transaction.exec(), named]));
    for (const [error] of results ?? []) if (error) throw error;
  }

  /** Says that an incarnation has shared all that it has. */
  async complete(incarnation: string) {
    await this.#answer(this.redis.hset(this.#owners, incarnation, 'complete'));
  }

  async isComplete(incarnation: string): Promise<boolean> {
    return (await this.#answer(this.redis.hget(this.#owners, incarnation))) === 'complete';
  }

  /**
   * @returns undefined if the incarnation has no lease (any more): whoever saw that first may have removed its shards,
   *          and what is not there does not mean that nobody is
   */
  async read(incarnation: string, topic: string): Promise<Shard | undefined> {
    // In this order, and not at once, as they lie in two slots: a shard is removed after its lease is gone.
    const fields = await this.#answer(this.redis.hgetall(this.#shard(incarnation, topic)));
    const leases = await this.#answer(this.redis.exists(leaseKey(this.#networkId, incarnation)));
    if (leases === 0) return undefined;
    const { '': version, ...texts } = fields;
    return { version: Number(version ?? 0), entries: Object.values(texts).map(readEntry) };
  }

  /** The versions of an incarnation's shards, in the order of `topics`. */
  async versions(incarnation: string, topics: readonly string[]): Promise<number[]> {
    const reads = [...chunks(topics)].map((some) => this.redis.hmget(this.#versions(incarnation), ...some));
    return (await this.#answer(Promise.all(reads))).flat().map((version) => Number(version ?? 0));
  }

  /** Returns the number of shards that an incarnation has. */
  count = (incarnation: string): Promise<number> => this.#answer(this.redis.hlen(this.#versions(incarnation)));

  /** Removes what incarnations without a lease have left. A lease that is gone never returns, so nobody misses it. */
  async removeLeft(own: string) {
    const owners = (await this.#answer(this.redis.hkeys(this.#owners))).filter((each) => each !== own);
    const leases = await Promise.all(owners.map((each) => this.redis.exists(leaseKey(this.#networkId, each))));
    for (const [index, owner] of owners.entries()) if (leases[index] === 0) await this.remove(owner);
  }

  async remove(incarnation: string) {
    const versions = this.#versions(incarnation);
    const topics = await this.#answer(this.redis.hkeys(versions));
    for (const some of chunks(topics)) await this.redis.unlink(...some.map((topic) => this.#shard(incarnation, topic)));
    await this.redis.unlink(versions);
    await this.redis.hdel(this.#owners, incarnation);
  }

  /** A connection that does not answer is opened again, as it would else take TCP minutes to give it up. */
  async #answer<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof Error && error.message === 'Command timed out') breakConnection(this.redis);
      throw error;
    }
  }

  get #owners() {
    return `${this.#prefix}owners`;
  }
  #versions = (incarnation: string) => `${this.#prefix}{${incarnation}}:versions`;
  #shard = (incarnation: string, topic: string) => `${this.#prefix}{${incarnation}}:part:${topic}`;
}

/** An entry as nodes exchange it; the meta stays the text that clients get. */
export const wireText = ({ ref, key, prev, atMs, text }: Entry) => JSON.stringify([ref, key, prev ?? null, atMs, text]);

export function readEntry(wire: string): Entry {
  const [ref, key, prev, atMs, text] = JSON.parse(wire) as [string, string, string | null, number, string];
  return new Entry({ ref, key, prev: prev ?? undefined, atMs, text });
}
