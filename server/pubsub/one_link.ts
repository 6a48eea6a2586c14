import { connectOne, keyPrefix, type RedisOptions } from '../redis/connect.ts';
import { canaryChannel } from '../reserved_topics.ts';
import { classic } from './commands.ts';
import { Link } from './link.ts';
import type { Links, LinksListener } from './links.ts';

/** The link to one Redis, or to the master that the sentinels name. */
export function oneLink(options: RedisOptions, nodeId: string, listener: LinksListener): Links {
  const link = new Link({
    commands: classic,
    publisher: connectOne(options),
    subscriber: connectOne(options),
    canaryChannel: canaryChannel(keyPrefix(options.networkId), nodeId),
    heardAt: performance.now(),
    missed: false,
    listener: { ...listener, suspect() {} },
  });
  const all = [link];
  return {
    of: () => link,
    publish: (channel, frame) => link.publish(channel, frame),
    all: () => all,
    heardAt: () => link.heardAt,
    close: () => link.close(),
  };
}
