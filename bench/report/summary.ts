import type { ScenarioResult } from '../result.ts';
import type { Figure, Scenario } from '../scenario.ts';
import { median, spread } from '../statistics/median.ts';
import { ratio } from '../statistics/ratio.ts';

export interface Cell {
  readonly median: number;
  readonly spread: number;
  /** Against the baseline, round by round; undefined for the baseline itself and where there is none. */
  readonly ratio: number | undefined;
}

export interface Row {
  readonly contestant: string;
  readonly cells: ReadonlyMap<string, Cell>;
  readonly failedRounds: number;
  /** Others' ratios are against it. */
  readonly isBaseline: boolean;
}

/** One scenario, as a report has it. */
export interface Summary {
  readonly scenario: Scenario;
  readonly result: ScenarioResult;
  readonly figures: readonly Figure[];
  readonly rows: readonly Row[];
}

export function summarise(scenario: Scenario, result: ScenarioResult): Summary {
  const valuesOf = (name: string | undefined, key: string) =>
    result.contestants.find((one) => one.name === name)?.rounds.map((round) => round?.[key] ?? Number.NaN) ?? [];
  const bases = new Set(result.contestants.map(({ name }) => scenario.baselineOf?.(name)));
  const rows = result.contestants.map(({ name, rounds }) => {
    const base = scenario.baselineOf?.(name);
    const cells = scenario.figures.flatMap((figure): [string, Cell][] => {
      const values = valuesOf(name, figure.key);
      const known = values.filter(Number.isFinite);
      if (known.length === 0) return [];
      const isCompared = base !== name && !figure.isRemark;
      const against = isCompared ? ratio(values, valuesOf(base, figure.key)) : Number.NaN;
      return [
        [
          figure.key,
          { median: median(known), spread: spread(known), ratio: Number.isFinite(against) ? against : undefined },
        ],
      ];
    });
    return {
      contestant: name,
      cells: new Map(cells),
      failedRounds: rounds.filter((round) => round === null).length,
      isBaseline: bases.has(name),
    };
  });
  // A figure that nobody has, as of a node that has no Redis, is no column.
  const figures = scenario.figures.filter(({ key }) => rows.some(({ cells }) => cells.has(key)));
  return { scenario, result, figures, rows };
}
