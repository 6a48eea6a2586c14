import type { ScenarioResult } from '../result.ts';
import type { Figure, Scenario } from '../scenario.ts';
import { median, spread } from '../statistics/median.ts';
import { ratio } from '../statistics/ratio.ts';

export interface Cell {
  /** The median over the rounds; of a count of faults the worst. */
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  /** Undefined of a single round. */
  readonly spread: number | undefined;
  /** Against the baseline, round by round; undefined for the baseline itself and where there is none. */
  readonly ratio: number | undefined;
}

export interface Row {
  readonly contestant: string;
  readonly cells: ReadonlyMap<string, Cell>;
  readonly failedRounds: number;
  /** Others' ratios are against it. */
  readonly isBaseline: boolean;
  /** Something was lost, repeated or swapped in one of its rounds. */
  readonly isFaulty: boolean;
}

/** One scenario, as a report has it. */
export interface Summary {
  readonly scenario: Scenario;
  readonly result: ScenarioResult;
  readonly figures: readonly Figure[];
  readonly rows: readonly Row[];
}

function cellOf({ isFault = false }: Figure, values: readonly number[], against: number): Cell {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return {
    ...{ lowest, highest },
    value: isFault ? highest : median(values),
    spread: values.length > 1 ? spread(values) : undefined,
    ratio: Number.isFinite(against) ? against : undefined,
  };
}

export function summarise(scenario: Scenario, result: ScenarioResult): Summary {
  const valuesOf = (name: string | undefined, key: string) =>
    result.contestants.find((one) => one.name === name)?.rounds.map((round) => round?.[key] ?? Number.NaN) ?? [];
  const bases = new Set(result.contestants.map(({ name }) => scenario.baselineOf?.(name)));
  const rows = result.contestants.map(({ name, rounds }) => {
    const base = scenario.baselineOf?.(name);
    const cells = new Map<string, Cell>();
    for (const figure of scenario.figures) {
      const { key, isRemark = false, isFault = false } = figure;
      const values = valuesOf(name, key);
      const known = values.filter(Number.isFinite);
      const isCompared = base !== name && !isRemark && !isFault;
      if (known.length === 0) continue;
      cells.set(key, cellOf(figure, known, isCompared ? ratio(values, valuesOf(base, key)) : Number.NaN));
    }
    return {
      contestant: name,
      cells,
      failedRounds: rounds.filter((round) => round === null).length,
      isBaseline: bases.has(name),
      isFaulty: scenario.figures.some(({ key, isFault = false }) => isFault && (cells.get(key)?.value ?? 0) > 0),
    };
  });
  // A figure that nobody has, as of a node that has no Redis, is no column.
  const figures = scenario.figures.filter(({ key }) => rows.some(({ cells }) => cells.has(key)));
  return { scenario, result, figures, rows };
}

/** @returns how far rounds differ in the first figure that is measured: (highest - lowest) / median; undefined of one round */
export function worstSpread({ figures, rows }: Summary): number | undefined {
  const measured = figures.find(({ isRemark = false, isFault = false }) => !isRemark && !isFault);
  const spreads = rows.flatMap(({ cells }) => (measured && cells.get(measured.key)?.spread) ?? []);
  return spreads.length > 0 ? Math.max(...spreads) : undefined;
}
