import { Redis } from 'ioredis';

/** How long a command may take before its outcome counts as unknown. */
export const REDIS_COMMAND_TIMEOUT_MS = 3_000;

export interface RedisOptions {
  readonly url: string;
  /** The deployment: the first part of every key and channel, so that several can share one Redis. */
  readonly networkId: string;
  /** Told of every connection error and every return; a Redis that is away is no reason to end the process. */
  readonly onTrouble?: (error: Error) => void;
}

/**
 * Opens a connection that fails fast: a command issued while Redis is away rejects at once, one in flight when the
 * connection breaks rejects and is not sent again (it may have had its effect). It reconnects for ever by itself,
 * after 50 ms at first and 1 s at most.
 */
export function connectRedis({ url, onTrouble }: RedisOptions): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
    // A connection that swallows everything is given up with the first command that times out. Else each would have to
    // time out on its own, until the system notices many minutes later.
    socketTimeout: REDIS_COMMAND_TIMEOUT_MS,
    disconnectTimeout: 100,
    connectTimeout: 2_000,
    keepAlive: 5_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 5), 1_000),
  });
  redis.on('error', (error: Error) => onTrouble?.(error));
  return redis;
}

/** The start of every key and channel of one deployment. */
export function keyPrefix(networkId: string): string {
  return `aerie:${networkId}:`;
}
