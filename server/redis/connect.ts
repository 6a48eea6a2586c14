import { Cluster, Redis } from 'ioredis';
import { endOfTurn } from '../end_of_turn.ts';
import { type Host, parseRedisUrl, type RedisAddress } from './address.ts';
import { Failover } from './failover.ts';
import { connectorTo, RoundRobinConnector } from './round_robin_connector.ts';

/** Time after which the outcome of a command counts as unknown. */
export const REDIS_COMMAND_TIMEOUT_MS = 3_000;

export interface RedisOptions {
  /** Result of `parseRedisUrl`. */
  readonly url: string;
  /** The deployment: the first part of every key and channel, so that several can share one Redis. */
  readonly networkId: string;
  /** Called for every connection error and every return; a Redis that is away does not end the process. */
  readonly onTrouble?: (error: Error) => void;
}

/** A connection for commands: to one Redis, or to all nodes of a Redis Cluster. */
export type RedisConnection = Redis | Cluster;

const retryStrategy = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt - 1, 5), 1_000);

const common = {
  lazyConnect: true,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
  // A connection that swallows everything is given up with the first command that times out. Else each would have to
  // time out on its own, until the system notices many minutes later.
  socketTimeout: REDIS_COMMAND_TIMEOUT_MS,
  disconnectTimeout: 100,
  connectTimeout: 2_000,
  keepAlive: 5_000,
} as const;

const one = { ...common, enableAutoPipelining: true, enableOfflineQueue: false, retryStrategy } as const;

/**
 * Opens a connection that fails fast: a command issued while Redis is away rejects at once, one in flight when the
 * connection breaks rejects and is not sent again (it may have had its effect). It reconnects for ever by itself,
 * after 50 ms at first and 1 s at most.
 */
export function connectRedis(options: RedisOptions): RedisConnection {
  const address = addressOf(options);
  return address.kind === 'cluster' ? openCluster(address, options) : openOne(address, options);
}

/** Opens a connection to the one Redis, or to the master that the sentinels name, as `connectRedis` does. */
export function connectOne(options: RedisOptions): Redis {
  const address = addressOf(options);
  if (address.kind === 'cluster') throw new Error('a Redis Cluster has several masters');
  return openOne(address, options);
}

/**
 * Opens a connection to one node of a Redis Cluster, or to the next of several whenever it breaks. What it is told without
 * `pipelining` goes out at once.
 */
export function connectNode(
  options: RedisOptions,
  node: Host | RoundRobinConnector,
  { pipelining = false } = {},
): Redis {
  const address = addressOf(options);
  if (address.kind !== 'cluster') throw new Error('not a Redis Cluster');
  const { username, password, tls } = address;
  const redis = new Redis({
    ...one,
    enableAutoPipelining: pipelining,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(node instanceof RoundRobinConnector
      ? { Connector: connectorTo(node, tls) }
      : { host: node.host, port: node.port, ...(tls && { tls: {} }) }),
  });
  redis.on('error', (error: Error) => options.onTrouble?.(error));
  return redis;
}

/** The nodes of a Redis Cluster that its address names; undefined for any other Redis. */
export function clusterHosts(options: Pick<RedisOptions, 'url'>): readonly Host[] | undefined {
  const address = addressOf(options);
  return address.kind === 'cluster' ? address.hosts : undefined;
}

/** Gives up what is open, whether or not the other end agrees; it is opened again. */
export function breakConnection(redis: RedisConnection): void {
  for (const each of redis instanceof Cluster ? redis.nodes() : [redis]) each.stream?.destroy();
}

function addressOf({ url }: Pick<RedisOptions, 'url'>): RedisAddress {
  const address = parseRedisUrl(url);
  if (!address) throw new Error('Invalid Redis URL: expected redis://, redis+sentinel:// or redis+cluster://');
  return address;
}

type OneAddress = Exclude<RedisAddress, { kind: 'cluster' }>;

type ConnectionTerms = Omit<typeof one, 'enableAutoPipelining' | 'retryStrategy'> & {
  readonly enableAutoPipelining: boolean;
  readonly retryStrategy: (attempt: number) => number | null;
  readonly reconnectOnError?: (error: Error) => boolean;
  readonly failoverDetector?: boolean;
};

function openOne(address: OneAddress, options: RedisOptions): Redis {
  const failover = failoverOf(address, options);
  // Asked after every error that Redis answers.
  const reconnectOnError = (error: Error) => {
    failover.answered(error);
    return false;
  };
  const redis = openAt(address, { ...one, reconnectOnError, failoverDetector: true });
  redis.on('error', (error: Error) => options.onTrouble?.(error));
  failover.add(redis);
  redis.once('end', () => {
    failover.remove(redis);
    if (failover.size === 0) failovers.delete(options.url);
  });
  return redis;
}

/** By address: a connection that is only subscribed learns of a failover by another one's error. */
const failovers = new Map<string, Failover>();

function failoverOf(address: OneAddress, { url, networkId, onTrouble }: RedisOptions): Failover {
  const known = failovers.get(url);
  if (known) return known;
  const failover = new Failover({
    open: () => openAt(address, { ...one, enableAutoPipelining: false, retryStrategy: () => null }),
    write: (redis) => redis.del(`${keyPrefix(networkId)}nothing`),
    reopen: breakConnection,
    onTrouble: (error) => onTrouble?.(error),
  });
  failovers.set(url, failover);
  return failover;
}

function openAt(address: OneAddress, options: ConnectionTerms): Redis {
  return address.kind === 'single' ? new Redis(address.url, options) : openByName(address, options);
}

/** The master that the sentinels name now. */
function openByName(address: Extract<RedisAddress, { kind: 'sentinel' }>, options: ConnectionTerms): Redis {
  const { hosts, master, db, username, password, sentinelPassword, tls } = address;
  return new Redis({
    ...options,
    sentinels: hosts.map((host) => ({ ...host })),
    name: master,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { tls: {}, enableTLSForSentinelMode: true }),
  });
}

/**
 * Commands wait for the connection to a node, which is opened with the first of them, for as long as a command may take;
 * they do not wait for a cluster that is away.
 */
class PromptCluster extends Cluster {
  override sendCommand(...args: Parameters<Cluster['sendCommand']>): unknown {
    const [command] = args;
    if (this.status === 'ready' || command.name === 'cluster') return super.sendCommand(...args);
    command.reject(new Error('the Redis Cluster does not answer'));
    return command.promise;
  }
}

function openCluster(address: Extract<RedisAddress, { kind: 'cluster' }>, { onTrouble }: RedisOptions): Cluster {
  const { hosts, username, password, tls } = address;
  const options = {
    lazyConnect: true,
    // Commands to several nodes in one batch would fail together where a slot has moved.
    enableAutoPipelining: false,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: 2_000,
    slotsRefreshInterval: 2_000,
    // One in flight when its connection broke may have had its effect.
    retryDelayOnFailover: 0,
    redisOptions: {
      ...common,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls: {} }),
    },
  };
  const cluster = new PromptCluster(
    hosts.map((host) => ({ ...host })),
    options,
  );
  for (const event of ['error', 'node error']) cluster.on(event, (error: Error) => onTrouble?.(error));
  return cluster;
}

/** Every Redis that takes writes. */
export function mastersOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/**
 * Redis' clock, in ms; all who ask in one turn of the event loop are told the same. In a Redis Cluster it is that of the one
 * node that has this key: the others' may differ by what their time service leaves.
 */
export function clockOf(redis: RedisConnection, networkId: string): () => Promise<number> {
  const key = `${keyPrefix(networkId)}clock`;
  let asked: Promise<number> | undefined;
  async function ask(): Promise<number> {
    const time = redis instanceof Cluster ? await redis.eval("return redis.call('TIME')", 1, key) : await redis.time();
    const [seconds, micros] = time as readonly (string | number)[];
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }
  return () => {
    if (!asked) {
      asked = ask();
      // Whoever waits for it may fail before.
      asked.catch(() => {});
      void endOfTurn().then(() => {
        asked = undefined;
      });
    }
    return asked;
  };
}

/** Address of Redis for people, without credentials. */
export const placeOf = (options: Pick<RedisOptions, 'url'>): string => addressOf(options).place;

/** The start of every key and channel of one deployment. */
export function keyPrefix(networkId: string): string {
  return `aerie:${networkId}:`;
}
