export type { Meta } from './entry.ts';
export type { Presence, PresenceOptions, Tracked } from './presence.ts';
export { presencePushes } from './pushes.ts';
export { type RedisReplication, type RedisReplicationOptions, redisReplication } from './redis.ts';
export { PresenceUnavailable, type Replication } from './replication.ts';
export { createPresence } from './tracker.ts';
