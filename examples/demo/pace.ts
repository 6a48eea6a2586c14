import { setTimeout as sleep } from 'node:timers/promises';

export interface Running {
  /** Ends what runs. */
  readonly signal: AbortSignal;
}

export interface Speaking extends Running {
  readonly say: (line: string) => void;
}

/** Waits for a while between these, in milliseconds. */
export const between = (leastMs: number, mostMs: number, { signal }: Running): Promise<void> =>
  sleep(leastMs + Math.random() * (mostMs - leastMs), undefined, { signal });

/** One of several. */
export const anyOf = <T>(all: readonly T[]): T | undefined => all[Math.floor(Math.random() * all.length)];
