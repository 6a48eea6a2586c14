import { internalTopic } from '../server/index.ts';
import type { Entry } from './entry.ts';
import { readEntry, wireText } from './shard_store.ts';

/** The internal topic on which nodes publish changes to a topic's presences. */
export const deltaTopic = (topic: string) => internalTopic(`presence:${topic}`);

/** A change of one node's shard of a topic, as it is published to the other nodes after it was written. */
export interface Delta {
  readonly incarnation: string;
  /** The version that it changes. `null`: whatever it was, read the shard again. */
  readonly from: number | null;
  /** The version that results; 0 if nothing is left. */
  readonly to: number;
  readonly joins: readonly Entry[];
  readonly leaves: readonly string[];
}

export function encodeDelta({ incarnation, from, to, joins, leaves }: Delta): string {
  return JSON.stringify([incarnation, from, to, joins.map(wireText), leaves]);
}

/** @returns undefined for what no node of this version has sent */
export function decodeDelta(text: string | Uint8Array): Delta | undefined {
  try {
    const [incarnation, from, to, joins, leaves] = JSON.parse(String(text)) as [
      string,
      number | null,
      number,
      string[],
      string[],
    ];
    return { incarnation, from, to, joins: joins.map(readEntry), leaves };
  } catch {
    return undefined;
  }
}

/** Compares a delta with a shard of version `at`. Versions of one node only grow, except that 0 is "nothing". */
export function place({ from, to }: Delta, at: number): 'next' | 'known' | 'gap' {
  if (from === null) return 'gap';
  if (from === at) return 'next';
  const reached = Math.max(from, to);
  return at !== 0 && reached <= at ? 'known' : 'gap';
}
