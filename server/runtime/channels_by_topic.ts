import type { JoinedChannel } from './joined_channel.ts';

/**
 * The joined channels of one connection. Most have none or one, and a Map for that takes 190 bytes: more than the channel
 * itself.
 */
export type ChannelsByTopic = undefined | JoinedChannel | Map<string, JoinedChannel>;

export function channelOf(channels: ChannelsByTopic, topic: string): JoinedChannel | undefined {
  if (channels instanceof Map) return channels.get(topic);
  return channels?.topic === topic ? channels : undefined;
}

export function countOf(channels: ChannelsByTopic): number {
  if (channels instanceof Map) return channels.size;
  return channels ? 1 : 0;
}

/** In the order in which they were joined; a copy, which may be gone through while channels end. */
export function allOf(channels: ChannelsByTopic): JoinedChannel[] {
  if (channels instanceof Map) return [...channels.values()];
  return channels ? [channels] : [];
}

/** @returns all with this one, which takes the place of another with its topic */
export function withChannel(channels: ChannelsByTopic, channel: JoinedChannel): ChannelsByTopic {
  if (channels instanceof Map) return channels.set(channel.topic, channel);
  if (!channels || channels.topic === channel.topic) return channel;
  return new Map([
    [channels.topic, channels],
    [channel.topic, channel],
  ]);
}

/** @returns all without this one; another one with its topic stays */
export function withoutChannel(channels: ChannelsByTopic, channel: { readonly topic: string }): ChannelsByTopic {
  if (!(channels instanceof Map)) return channels === channel ? undefined : channels;
  if (channels.get(channel.topic) === channel) channels.delete(channel.topic);
  return channels;
}
