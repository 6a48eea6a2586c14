import type { Cores } from './machine/cores.ts';
import { isRedisThere, openFileLimit } from './machine/limits.ts';
import { untilQuiet } from './machine/quiet.ts';
import { measure } from './measurement.ts';
import type { ScenarioResult } from './result.ts';
import type { Figures, Scale, Scenario } from './scenario.ts';

const QUIET_WITHIN_MS = 10_000;
const NOISY_CORES = 0.25;

type Say = (line: string) => void;

/** @returns why a scenario cannot be run on this machine; undefined if it can */
export function obstacle({ needs = {} }: Scenario): string | undefined {
  const { openFiles = 0, redis = false } = needs;
  if (openFileLimit() < openFiles) return `it needs ${openFiles} open files of a process (ulimit -Hn)`;
  if (redis && !isRedisThere()) return 'it needs redis-server';
  return undefined;
}

/** Measures all contestants of a scenario in turn, round by round, so that what disturbs the machine for a while meets all. */
export async function runScenario(
  scenario: Scenario,
  rounds: number,
  scale: Scale,
  cores: Cores,
  say: Say,
): Promise<ScenarioResult> {
  const startedAt = performance.now();
  const measured = scenario.contestants.map(({ name }) => ({ name, rounds: [] as (Figures | null)[] }));
  const foreign = scale.isQuick ? 0 : await untilQuiet(QUIET_WITHIN_MS);
  if (foreign > NOISY_CORES) say(`  others use ${foreign.toFixed(1)} cores of this machine`);
  for (let round = 1; round <= Math.min(rounds, scenario.maxRounds ?? rounds); round++) {
    for (const [i, contestant] of scenario.contestants.entries()) {
      const figures = await measure(scenario, contestant, scale, cores).catch((error: Error) => {
        say(`  ${contestant.name}, round ${round}, failed: ${error.message}`);
        return null;
      });
      measured[i]?.rounds.push(figures);
    }
  }
  const tookSeconds = Math.round((performance.now() - startedAt) / 1_000);
  return {
    ...{ name: scenario.name, isQuick: scale.isQuick, seconds: scale.seconds, tookSeconds },
    contestants: measured,
  };
}
