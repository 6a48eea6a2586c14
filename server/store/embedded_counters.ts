import { endOfTurn } from '../end_of_turn.ts';
import { type Table, tableKey } from './embedded_tables.ts';

/** Counters, of which this process knows the value: nobody else writes them. */
export interface Counters {
  value(counter: string): number;
  /** @returns the new value, which is on its way to the disk before any commit that begins from now on */
  add(counter: string, by: number): number;
}

/**
 * A counter takes no transaction of its own: what is counted in one turn of the event loop is written at its end, ahead of the
 * commits that were made with the values. Commits are written in their order, so none is durable without its values.
 *
 * @param written takes a write that is under way
 */
export function counting(counters: Table, written: (write: Promise<unknown>) => Promise<unknown>): Counters {
  const values = new Map<string, number>();
  const unwritten = new Set<string>();

  const known = (key: string) => values.get(key) ?? Number(counters.get(key) ?? 0);

  async function writeAll(): Promise<void> {
    await endOfTurn();
    const keys = [...unwritten];
    unwritten.clear();
    await Promise.all(keys.map((key) => counters.put(key, String(known(key)))));
  }

  return {
    value: (counter) => known(tableKey(counter)),
    add(counter, by) {
      const key = tableKey(counter);
      const value = known(key) + by;
      values.set(key, value);
      // A write that fails is told by `written`, and fails all later ones.
      if (unwritten.size === 0) written(writeAll()).catch(() => {});
      unwritten.add(key);
      return value;
    },
  };
}
