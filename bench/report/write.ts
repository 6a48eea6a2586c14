import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../result.ts';
import type { Figure } from '../scenario.ts';
import { allScenarios } from '../scenarios/catalogue.ts';
import { median } from '../statistics/median.ts';
import { type Bar, barChart } from './bar_chart.ts';
import { markdownReport, type Plot } from './markdown.ts';
import { type Summary, summarise } from './summary.ts';

const OURS = /^Aerie/;

function barsOf({ figures, rows }: Summary, { key, bound }: Figure): Bar[] {
  const bars = rows.flatMap(({ contestant, cells }): Bar[] => {
    const cell = cells.get(key);
    return cell ? [{ ...cell, label: contestant, kind: OURS.test(contestant) ? 'ours' : 'others' }] : [];
  });
  const bounds = bound === undefined ? [] : rows.flatMap(({ cells }) => cells.get(bound)?.value ?? []);
  if (bounds.length === 0) return bars;
  const value = median(bounds);
  const label = figures.find((one) => one.key === bound)?.label ?? '';
  return [...bars, { label, value, lowest: value, highest: value, ratio: undefined, kind: 'bound' }];
}

/** Writes `result.json`, `report.md` and a plot for each figure that has one. */
export function writeReport(folder: string, result: Result): void {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) if (file.endsWith('.svg')) rmSync(join(folder, file));
  const summaries = allScenarios.flatMap((scenario) => {
    const found = result.scenarios.find(({ name }) => name === scenario.name);
    return found ? [summarise(scenario, found)] : [];
  });
  const plots = new Map<string, readonly Plot[]>();
  for (const summary of summaries) {
    const { name } = summary.scenario;
    const files = summary.figures
      .filter(({ isPlotted }) => isPlotted)
      .flatMap((figure) => {
        const { key, label, unit, better } = figure;
        const bars = barsOf(summary, figure);
        if (bars.length < 2) return [];
        const title = `${name}: ${label}`;
        const file = `${name}-${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.svg`;
        writeFileSync(join(folder, file), barChart(title, unit, better, bars));
        return [{ file, title }];
      });
    plots.set(name, files);
  }
  writeFileSync(join(folder, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(join(folder, 'report.md'), markdownReport(result.machine, summaries, plots));
}
