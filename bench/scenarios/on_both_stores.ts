import { closedLoop, type Work } from '../generator/closed_loop.ts';
import type { Figure, Scale, Scenario, Subject } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';

interface Loop extends Pick<Scenario, 'name' | 'asks'> {
  readonly figures: readonly Figure[];
  /** Before the clock runs. @returns how many workers there are, and what each does again and again */
  prepare(subject: Subject, scale: Scale): Promise<{ readonly workers: number; readonly work: Work }>;
}

/** A scenario in which workers do one thing after the other with the platform, on the embedded store and on Redis. */
export function onBothStores({ prepare, ...named }: Loop): Scenario {
  return {
    ...named,
    contestants: [embedded(), onRedis()],
    needs: { redis: true },
    async drive(subject, scale) {
      const { workers, work } = await prepare(subject, scale);
      return closedLoop(subject, scale, workers, work);
    },
  };
}
