import { keyPrefix } from '../redis/connect.ts';
import type { AggregateId, StreamEntry } from './port.ts';

export type Keys = ReturnType<typeof keysOf>;

/** Every key of one deployment. Those of an aggregate share a hash tag, so that one script can change them. */
export function keysOf(networkId: string) {
  const prefix = keyPrefix(networkId);
  const state = ({ kind, id }: AggregateId) => `${prefix}{${kind}:${id}}`;
  return {
    /** A hash: `v`, `places` and `tokens`, `deadline` and `token`, and every field behind a `=`. */
    state,
    /** A pattern that every state's key fits, and keys of streams may. */
    states: `${prefix}{*}`,
    /** Reads back what `state` made the key from; `undefined` for a key of another kind. */
    parseState(key: string): AggregateId | undefined {
      if (!key.startsWith(`${prefix}{`) || !key.endsWith('}')) return undefined;
      const [kind = '', id, ...more] = key.slice(prefix.length + 1, -1).split(':');
      return id === undefined || more.length > 0 ? undefined : { kind, id };
    },
    /** A sorted set by position; a member carries its position, since two entries may have one value. */
    stream: (aggregate: AggregateId, stream: string) => `${state(aggregate)}:${stream}`,
    entry: (position: number, value: string) => `${position}:${value}`,
    /** A sorted set by bytes: `key, id, token`, parted by U+0000. */
    index: (index: string) => `${prefix}index:${index}`,
    /** A sorted set by the time of the next hand-out: `id, token`. */
    deadlines: (kind: string) => `${prefix}deadlines:${kind}`,
    counter: (counter: string) => `${prefix}counter:${counter}`,
    /** A Redis stream; each entry has one field without a name. */
    facts: `${prefix}facts`,
  };
}

export function parseEntry(member: string): StreamEntry {
  const colon = member.indexOf(':');
  return { position: Number(member.slice(0, colon)), value: member.slice(colon + 1) };
}
