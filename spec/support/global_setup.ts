import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownRedis, type RedisServer } from './redis.ts';
import { RUNNING } from './spawn.ts';

declare global {
  var aerieSpecRedis: RedisServer | undefined;
}

/**
 * A folder for all that the specs write, which goes with the run. And one Redis for all specs that only need *a* Redis:
 * `REDIS_URL` if it is set, else one started here.
 */
export default async function setup() {
  process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'aerie-'));
  mkdirSync(join(tmpdir(), RUNNING));
  if (process.env.REDIS_URL) return;
  globalThis.aerieSpecRedis = await ownRedis();
  process.env.REDIS_URL = globalThis.aerieSpecRedis.url;
}
