import { bundleServers } from './bundle_servers.ts';
import { ownRedis, type RedisServer } from './redis.ts';
import makeRunFolder from './run_folder.ts';

declare global {
  var aerieSpecRedis: RedisServer | undefined;
}

/** The folder of the run, and one Redis for all specs that only need *a* Redis: `REDIS_URL` if it is set, else one started here. */
export default async function setup() {
  makeRunFolder();
  await bundleServers();
  if (process.env.REDIS_URL) return;
  globalThis.aerieSpecRedis = await ownRedis();
  process.env.REDIS_URL = globalThis.aerieSpecRedis.url;
}
