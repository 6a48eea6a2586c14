/** Pub/sub, nodes and a store on Redis, which make many nodes one deployment. */
export { leaseKey } from '../nodes/lease.ts';
export { redisNodes } from '../nodes/redis.ts';
export { redisPubSub } from '../pubsub/redis.ts';
export { openRedisStore } from '../store/redis.ts';
export { parseRedisUrl } from './address.ts';
export { chunks } from './chunks.ts';
export {
  breakConnection,
  connectRedis,
  keyPrefix,
  placeOf,
  type RedisConnection,
  type RedisOptions,
} from './connect.ts';
export { connected } from './connected.ts';
export { writeRefusal } from './write_refusal.ts';
