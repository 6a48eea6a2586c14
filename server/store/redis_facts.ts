import type { RedisConnection } from '../redis/connect.ts';
import type { LoggedFact } from './port.ts';

/** Digits of either part of a Redis stream id, up to 2^64 - 1. */
const DIGITS = 20;

/** Facts after a position, oldest first. */
export async function factsAfter(
  redis: RedisConnection,
  key: string,
  after: string | undefined,
  limit: number,
): Promise<LoggedFact[]> {
  const entries = await redis.xrange(key, after === undefined ? '-' : idBehind(after), '+', 'COUNT', limit);
  return entries.map(([id, [, fact = '']]) => ({ position: positionOf(id), fact }));
}

/** A stream that was emptied still gives out greater ids only. */
export async function trimFacts(redis: RedisConnection, key: string, upTo: string): Promise<void> {
  await redis.xtrim(key, 'MINID', idBehind(upTo));
}

function positionOf(id: string): string {
  return id
    .split('-')
    .map((part) => part.padStart(DIGITS, '0'))
    .join('-');
}

/** The lowest id behind a position. */
function idBehind(position: string): string {
  const [ms = '0', seq = '0'] = position.split('-');
  return `${BigInt(ms)}-${BigInt(seq) + 1n}`;
}
