import { localNodes, localPubSub } from '../server/endpoint/index.ts';
import type { Log, Nodes, PubSub } from '../server/index.ts';
import {
  openRedisStore,
  placeOf,
  type RedisOptions,
  redisNodes,
  redisPubSub,
  writeRefusal,
} from '../server/redis/index.ts';
import { openEmbeddedStore, type Store } from '../server/store/index.ts';
import type { Config } from './config.ts';

/** The server's store, pubsub and nodes: embedded on one node, or Redis for one or many. */
export interface Backend {
  readonly store: Store;
  readonly pubsub: PubSub;
  readonly nodes: Nodes;
  /** `undefined` on the embedded backend. */
  readonly redis: RedisOptions | undefined;
  /** Location of the data, for people. */
  readonly place: string;
}

/** Time that a start waits for Redis, which may be starting as well. */
export const REDIS_READY_WITHIN_MS = 15_000;

/** Options for specs. */
export interface BackendOptions {
  /** The clock of the embedded store, by which all that is kept goes. */
  readonly nowMs?: () => number;
}

type BackendConfig = Pick<Config, 'redisUrl' | 'networkId' | 'nodeId' | 'dataDir'>;

/**
 * @param onFailure told once if the store can only be read from now on, until the process is started again
 * @throws Error with a message of one line if the folder is in use or Redis does not answer
 */
export async function openBackend(
  config: BackendConfig,
  log: Log,
  onFailure: () => void,
  options: BackendOptions = {},
): Promise<Backend> {
  return config.redisUrl === undefined
    ? embedded(config, log, onFailure, options)
    : onRedis(config, config.redisUrl, log);
}

async function embedded(
  { nodeId, dataDir }: BackendConfig,
  log: Log,
  onStoreFailure: () => void,
  options: BackendOptions,
): Promise<Backend> {
  const onFailure = (error: Error) => {
    log.error({ err: error }, 'writing to the store failed: this node ends and has to be started again');
    onStoreFailure();
  };
  const store = await openEmbeddedStore({ dir: dataDir, onFailure, ...options });
  const place = `the embedded store in ${dataDir}`;
  return { store, pubsub: localPubSub({ nodeId }), nodes: localNodes({ nodeId }), redis: undefined, place };
}

async function onRedis({ networkId, nodeId }: BackendConfig, url: string, log: Log): Promise<Backend> {
  const redis = { url, networkId, onTrouble: troubleLog(log) };
  const store = openRedisStore(redis);
  const pubsub = redisPubSub({ ...redis, nodeId });
  // At once, so that a Redis that is away is waited for once. The nodes come after: what they publish must not get lost.
  await Promise.all([store.ready(REDIS_READY_WITHIN_MS), pubsub.ready(REDIS_READY_WITHIN_MS)]);
  const nodes = redisNodes({ ...redis, nodeId, pubsub });
  await nodes.ready(REDIS_READY_WITHIN_MS);
  return { store, pubsub, nodes, redis, place: `Redis at ${placeOf(redis)}` };
}

/** Every connection reports every attempt: one line a second is enough to know. */
function troubleLog(log: Log): (error: Error) => void {
  let quietUntilMs = 0;
  return (error) => {
    if (Date.now() < quietUntilMs) return;
    quietUntilMs = Date.now() + 1_000;
    log.warn({ err: error }, writeRefusal(error) === undefined ? 'Redis is out of reach' : 'Redis refuses writes');
  };
}
