import { sortable, type Tables } from './embedded_tables.ts';
import type { LoggedFact } from './port.ts';

export interface FactLog {
  /** The key of the next fact. A key whose commit then writes no fact leaves a gap, which does no harm. */
  next(): string;
  after(position: string | undefined, limit: number): LoggedFact[];
  trim(upTo: string): Promise<boolean>;
}

/** Around all positions, which are digits. */
const START = '0';
const END = ':';
/** Keeps the counter from starting anew when all facts are gone. */
const TRIMMED = '\0facts_trimmed';

/** The log of facts. Its positions grow in the order in which commits are handed to LMDB, which keeps that order. */
export function factLog({ facts, counters }: Pick<Tables, 'facts' | 'counters'>): FactLog {
  const [latest] = facts.getKeys({ start: END, end: START, reverse: true, limit: 1 });
  let last = Math.max(Number(latest ?? 0), Number(counters.get(TRIMMED) ?? 0));

  return {
    next: () => sortable(++last),

    after(position, limit) {
      const found: LoggedFact[] = [];
      const range = { start: position === undefined ? START : `${position}\0`, end: END, limit };
      for (const { key, value } of facts.getRange(range)) found.push({ position: key, fact: value });
      return found;
    },

    trim: (upTo) =>
      facts.batch(() => {
        for (const key of facts.getKeys({ start: START, end: `${upTo}\0` })) facts.remove(key);
        if (upTo > (counters.get(TRIMMED) ?? '')) counters.put(TRIMMED, upTo);
      }),
  };
}
