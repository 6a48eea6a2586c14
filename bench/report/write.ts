import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../result.ts';
import { catalogue } from '../scenarios/catalogue.ts';
import { type Bar, barChart } from './bar_chart.ts';
import { markdownReport } from './markdown.ts';
import { type Summary, summarise } from './summary.ts';

const OURS = /^Aerie/;

function barsOf({ rows }: Summary, key: string): Bar[] {
  return rows.flatMap(({ contestant, cells }) => {
    const cell = cells.get(key);
    return cell ? [{ label: contestant, value: cell.median, ratio: cell.ratio, isOurs: OURS.test(contestant) }] : [];
  });
}

/** Writes `result.json`, `report.md` and a plot for each figure that has one. */
export function writeReport(folder: string, result: Result): void {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) if (file.endsWith('.svg')) rmSync(join(folder, file));
  const summaries = catalogue.flatMap((scenario) => {
    const found = result.scenarios.find(({ name }) => name === scenario.name);
    return found ? [summarise(scenario, found)] : [];
  });
  const plots = new Map<string, readonly string[]>();
  for (const summary of summaries) {
    const { name } = summary.scenario;
    const files = summary.figures
      .filter(({ isPlotted }) => isPlotted)
      .flatMap(({ key, label, unit }) => {
        const bars = barsOf(summary, key);
        if (bars.length < 2) return [];
        const file = `${name}-${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.svg`;
        writeFileSync(join(folder, file), barChart(`${name}: ${label}`, unit, bars));
        return [file];
      });
    plots.set(name, files);
  }
  writeFileSync(join(folder, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(join(folder, 'report.md'), markdownReport(result.machine, summaries, plots));
}
