import type { Redis } from 'ioredis';
import { chunks } from '../redis/chunks.ts';
import { slotOf } from '../redis/slots.ts';

/** Redis' commands for broadcasts: one kind for a Redis of its own, one for the master that has a channel's slot. */
export interface PubSubCommands {
  readonly messageEvent: 'messageBuffer' | 'smessageBuffer';
  publish(redis: Redis, channel: string, frame: Buffer | string): Promise<unknown>;
  subscribe(redis: Redis, channels: readonly string[]): Promise<unknown>;
  unsubscribe(redis: Redis, channels: readonly string[]): Promise<unknown>;
  /** Parts of which one command may name all. */
  parts(channels: readonly string[]): Iterable<readonly string[]>;
}

export const classic: PubSubCommands = {
  messageEvent: 'messageBuffer',
  publish: (redis, channel, frame) => redis.publish(channel, frame),
  subscribe: (redis, channels) => redis.subscribe(...channels),
  unsubscribe: (redis, channels) => redis.unsubscribe(...channels),
  parts: chunks,
};

export const sharded: PubSubCommands = {
  messageEvent: 'smessageBuffer',
  publish: (redis, channel, frame) => redis.spublish(channel, frame),
  subscribe: (redis, channels) => redis.ssubscribe(...channels),
  unsubscribe: (redis, channels) => redis.sunsubscribe(...channels),
  *parts(channels) {
    const bySlot = new Map<number, string[]>();
    for (const channel of channels) {
      const slot = slotOf(channel);
      const part = bySlot.get(slot);
      if (part) part.push(channel);
      else bySlot.set(slot, [channel]);
    }
    for (const part of bySlot.values()) yield* chunks(part);
  },
};
