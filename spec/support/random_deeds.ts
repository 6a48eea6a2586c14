import { pickWith } from './random.ts';

export interface RandomDeeds {
  readonly random: () => number;
  readonly deeds: Readonly<Record<string, () => Promise<void>>>;
  /** Names of those that are done more often; one that stands here twice, more often still. */
  readonly common: readonly string[];
  readonly count: number;
  /** Called with a deed's number before it is done, from 1 on. */
  readonly begins: (number: number) => void;
  /** Called after so many deeds, and so many more. */
  readonly check: () => Promise<void>;
  readonly checkEvery: number;
}

/**
 * Does deeds one after the other, each at least once, in an order that chance and its seed make, and checks again and again what
 * they led to.
 *
 * @throws Error of the deed that failed, with its number and name; or of a check
 */
export async function doAtRandom({ random, deeds, common, count, begins, check, checkEvery }: RandomDeeds) {
  const pick = pickWith(random);
  const names = Object.keys(deeds);
  const undone = new Set(names);
  for (let number = 1; number <= count; number++) {
    const mustDo = undone.size > count - number;
    const name = pick(mustDo ? [...undone] : [...names, ...common]);
    begins(number);
    try {
      await deeds[name]?.();
    } catch (error) {
      throw new Error(`deed ${number}, ${name}: ${error instanceof Error ? error.message : JSON.stringify(error)}`);
    }
    undone.delete(name);
    if (number % checkEvery === 0) await check();
  }
}
