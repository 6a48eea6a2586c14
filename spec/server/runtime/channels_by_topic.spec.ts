import {
  allOf,
  type ChannelsByTopic,
  channelOf,
  countOf,
  withChannel,
  withoutChannel,
} from '../../../server/runtime/channels_by_topic.ts';
import type { JoinedChannel } from '../../../server/runtime/joined_channel.ts';

const joined = (topic: string) => ({ topic }) as JoinedChannel;

it('holds what a Map by topic would, through any joins, joins again and leaves', () => {
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  let channels: ChannelsByTopic;
  const map = new Map<string, JoinedChannel>();
  for (let step = 0; step < 5_000; step++) {
    const topic = `room:${next(1 + (step >> 9))}`;
    const known = map.get(topic);
    if (next(2) === 0) {
      const channel = joined(topic);
      channels = withChannel(channels, channel);
      map.set(topic, channel);
    } else if (known) {
      channels = withoutChannel(channels, known);
      map.delete(topic);
    }
    // Another one with its topic is not taken out.
    channels = withoutChannel(channels, joined(topic));
    expect(channelOf(channels, topic)).toBe(map.get(topic));
    expect(countOf(channels)).toBe(map.size);
    expect(allOf(channels)).toEqual([...map.values()]);
  }
});
