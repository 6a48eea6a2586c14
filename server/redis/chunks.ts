/** One command names at most so many channels, fields or keys: Redis does nothing else meanwhile. */
const PER_COMMAND = 1_000;

/** The items in order, in lists of which one command may name all. */
export function* chunks<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; at += PER_COMMAND) yield items.slice(at, at + PER_COMMAND);
}
