/** What a look hears of the nodes. `node` names one, until it has gone: it is the same in all calls and nothing else. */
export interface PartsListener<Item, Change> {
  /** All that a node knows by itself: what was known of it before no longer holds. */
  part(node: string, items: readonly Item[]): void;
  /** What has changed in a part that was told, in order. */
  change(node: string, change: Change): void;
  /** A node has gone, and its part with it. */
  gone(node: string): void;
  /** Changes were missed, and since then every part was told again: what is known now holds. */
  lost?(): void;
}

export interface PartsTopics {
  /** Looks ask here, and renew their interest. */
  readonly asked: string;
  /** Nodes tell here. */
  readonly told: string;
}

/** A message of a look. */
export interface Asked {
  readonly look: string;
  readonly number: number;
  /** Incarnations that are to tell their part. The others tell the number of their last changes. */
  readonly nodes: readonly string[];
}

/** Most characters of a message, but for a single value that has more. */
const MAX_MESSAGE_LENGTH = 64 * 1_024;

/** JSON texts of arrays, each of bounded length, that have all values in order. At least one. */
export function inMessages(values: Iterable<unknown>): string[] {
  const messages: string[] = [];
  let texts: string[] = [];
  let length = 0;
  const end = () => messages.push(`[${texts.join(',')}]`);
  for (const value of values) {
    const text = JSON.stringify(value);
    if (length + text.length > MAX_MESSAGE_LENGTH && texts.length > 0) {
      end();
      texts = [];
      length = 0;
    }
    texts.push(text);
    length += text.length + 1;
  }
  if (texts.length > 0 || messages.length === 0) end();
  return messages;
}
