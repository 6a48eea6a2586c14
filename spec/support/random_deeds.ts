import { pickWith } from './random.ts';

/** Deeds by their names, and how many have begun. */
interface Doing {
  readonly deeds: Readonly<Record<string, () => Promise<void>>>;
  now: number;
}

interface Order {
  readonly random: () => number;
  readonly count: number;
  /** Names of those that are done more often; one that stands here twice, more often still. */
  readonly common: readonly string[];
  /** Called after each `checkEvery` deeds. */
  readonly check: () => Promise<void>;
  readonly checkEvery: number;
}

/**
 * Does deeds one after the other, each at least once, in an order that chance and its seed make, and checks again and again what
 * they led to.
 *
 * @throws Error of the deed that failed, with its number and name; or of a check
 */
export async function doAtRandom(doing: Doing, { random, count, common, check, checkEvery }: Order): Promise<void> {
  const pick = pickWith(random);
  const names = Object.keys(doing.deeds);
  const undone = new Set(names);
  for (let number = 1; number <= count; number++) {
    const mustDo = undone.size > count - number;
    const name = pick(mustDo ? [...undone] : [...names, ...common]);
    doing.now = number;
    try {
      await doing.deeds[name]?.();
    } catch (error) {
      throw new Error(`deed ${number}, ${name}: ${error instanceof Error ? error.message : JSON.stringify(error)}`);
    }
    undone.delete(name);
    if (number % checkEvery === 0) await check();
  }
}
