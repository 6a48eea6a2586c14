import type { ChainableCommander } from 'ioredis';
import { keyPrefix, type RedisConnection } from '../redis/connect.ts';

/** Content of a lease: gauges of its node, and parts of tallies; a part of 0 is left out. */
export interface LeaseFields {
  readonly gauges?: Readonly<Record<string, number>>;
  readonly parts: Iterable<readonly [name: string, part: number]>;
}

export interface Leased {
  readonly id: string;
  readonly gauges: Readonly<Record<string, number>>;
}

/** One hash tag for all leases: in a Redis Cluster too they are taken and read in one step, and in order. */
const setKey = (networkId: string) => `${keyPrefix(networkId)}{nodes}`;

/** The key of one incarnation's lease: while it exists the incarnation lives, once it is gone it never returns. */
export const leaseKey = (networkId: string, incarnation: string) => `${setKey(networkId)}:${incarnation}`;

/** One step, as a lease that runs out between a renewal and a write must not come back without an end. */
const RENEW = `
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then return 0 end
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
  else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1`;

/**
 * Leases in Redis: one hash per incarnation that expires by Redis's clock, with all that shall vanish with the node,
 * and one set of incarnations, which may for a moment name one that is gone.
 */
export class Leases {
  readonly #redis: RedisConnection;
  readonly #networkId: string;
  readonly #leaseMs: number;
  readonly #setKey: string;

  constructor(redis: RedisConnection, networkId: string, leaseMs: number) {
    this.#redis = redis;
    this.#networkId = networkId;
    this.#leaseMs = leaseMs;
    this.#setKey = setKey(networkId);
  }

  async take(incarnation: string, id: string, fields: LeaseFields) {
    const key = this.#key(incarnation);
    const transaction = this.#redis.multi().del(key);
    transaction.hset(key, 'id', id, ...written(fields)).pexpire(key, this.#leaseMs);
    await execute(transaction.sadd(this.#setKey, incarnation));
  }

  /** @returns false if the lease has run out; then nothing was written. */
  async renew(incarnation: string, fields: LeaseFields): Promise<boolean> {
    return (await this.#redis.eval(RENEW, 1, this.#key(incarnation), this.#leaseMs, ...written(fields))) === 1;
  }

  async release(incarnation: string) {
    await execute(this.#redis.multi().del(this.#key(incarnation)).srem(this.#setKey, incarnation));
  }

  /** Every incarnation with a lease, and perhaps some whose lease has just run out. */
  incarnations = (): Promise<string[]> => this.#redis.smembers(this.#setKey);

  /** Takes incarnations out of the set whose lease is gone. */
  async forget(incarnations: readonly string[]) {
    if (incarnations.length > 0) await this.#redis.srem(this.#setKey, ...incarnations);
  }

  /** @returns undefined if the lease has run out. */
  async read(incarnation: string): Promise<Leased | undefined> {
    const [id, gauges] = await this.#redis.hmget(this.#key(incarnation), 'id', 'gauges');
    return typeof id === 'string' ? { id, gauges: gauges ? JSON.parse(gauges) : {} } : undefined;
  }

  /** In the order of `names`; 0 if the lease has run out. */
  async partsOf(incarnation: string, names: readonly string[]): Promise<number[]> {
    const parts = await this.#redis.hmget(this.#key(incarnation), ...names.map((name) => `tally:${name}`));
    return parts.map((part) => Number(part ?? 0));
  }

  #key = (incarnation: string) => leaseKey(this.#networkId, incarnation);
}

function written({ gauges, parts }: LeaseFields): string[] {
  const fields = gauges ? ['gauges', JSON.stringify(gauges)] : [];
  for (const [name, part] of parts) fields.push(`tally:${name}`, part === 0 ? '' : String(part));
  return fields;
}

async function execute(transaction: ChainableCommander) {
  for (const [error] of (await transaction.exec()) ?? []) if (error) throw error;
}
