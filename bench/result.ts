import type { MachineDescription } from './machine/description.ts';
import type { Figures } from './scenario.ts';

/** Figures of one contestant in each round; null where a round failed. */
export interface ContestantResult {
  readonly name: string;
  readonly rounds: readonly (Figures | null)[];
}

export interface ScenarioResult {
  readonly name: string;
  readonly isQuick: boolean;
  readonly seconds: number;
  /** The whole scenario, with starts and stops. */
  readonly tookSeconds?: number;
  readonly contestants: readonly ContestantResult[];
}

/** `result.json`. */
export interface Result {
  readonly machine: MachineDescription;
  readonly scenarios: readonly ScenarioResult[];
}
