import { Cluster } from 'ioredis';
import { keyPrefix, type RedisConnection } from '../redis/connect.ts';
import { slotOf } from '../redis/slots.ts';
import { probeScript, run } from './redis_scripts.ts';

/** After which a node's keys are gone that has not written them again. */
const KEPT_MS = 60_000;
/** A name that lands in the slots of a given master is found long before. */
const MAX_NAMES = 100_000;

/** Writes as commits do, to every master, a key of the node's own. */
export async function probeWrites(redis: RedisConnection, networkId: string, node: string): Promise<void> {
  const nameAt = (at: number) => `${keyPrefix(networkId)}probe:{${at}}:${node}`;
  const names = redis instanceof Cluster ? nameOnEach(redis, nameAt) : [nameAt(0)];
  await Promise.all(names.map((name) => run(redis, probeScript, [name], [KEPT_MS])));
}

function nameOnEach({ slots }: Cluster, nameAt: (at: number) => string): string[] {
  const masters = new Set(slots.flatMap((nodes) => nodes?.[0] ?? []));
  const names = new Map<string, string>();
  for (let at = 0; at < MAX_NAMES && names.size < masters.size; at++) {
    const name = nameAt(at);
    const master = slots[slotOf(name)]?.[0];
    if (master !== undefined && !names.has(master)) names.set(master, name);
  }
  return [...names.values()];
}
