export type { Meta } from './entry.ts';
export { createPresence, type Presence, type PresenceOptions, type Tracked } from './presence.ts';
export { type RedisReplication, type RedisReplicationOptions, redisReplication } from './redis.ts';
export { PresenceUnavailable, type Replication } from './replication.ts';
