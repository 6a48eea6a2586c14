import type { MachineDescription } from '../machine/description.ts';
import { numberText, ratioText } from './number_text.ts';
import { remarks } from './remarks.ts';
import type { Summary } from './summary.ts';

/** A plot, by the name of its file. */
export interface Plot {
  readonly file: string;
  readonly title: string;
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

function table({ figures, rows }: Summary): string[] {
  const labels = rows.map(({ contestant }) => contestant);
  const lines = figures.map(({ key, label, unit, isFault = false }) => [
    unit === '' ? label : `${label}, ${unit}`,
    ...rows.map(({ isBaseline, cells }) => {
      const cell = cells.get(key);
      if (!cell) return '–';
      const told =
        cell.ratio === undefined ? numberText(cell.value) : `${numberText(cell.value)} (${ratioText(cell.ratio)})`;
      if (isFault && cell.value > 0) return `**${told}**`;
      return isBaseline ? `*${told}*` : told;
    }),
  ]);
  return [row(['', ...labels]), row(['---', ...labels.map(() => '---:')]), ...lines.map(row)];
}

function machineLines({ versions, ...machine }: MachineDescription): string[] {
  const pinned = machine.pinned ? 'servers and generator pinned to a core each' : 'nothing pinned';
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, ${machine.fileSystem}; Node.js ${machine.node}; ${pinned}.`,
    '',
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ];
}

/** @param plots by the scenario */
export function markdownReport(
  machine: MachineDescription,
  summaries: readonly Summary[],
  plots: ReadonlyMap<string, readonly Plot[]>,
): string {
  const sections = summaries.flatMap((summary) => [
    `## ${summary.scenario.name}`,
    '',
    `${summary.scenario.asks[0]?.toUpperCase()}${summary.scenario.asks.slice(1)}.`,
    '',
    ...(plots.get(summary.scenario.name) ?? []).flatMap(({ file, title }) => [`![${title}](${file})`, '']),
    ...table(summary),
    '',
    remarks(summary),
    '',
  ]);
  return [
    '# What was measured',
    '',
    ...machineLines(machine),
    '',
    'Medians over the rounds, and the worst round of what was lost, repeated or swapped; in parentheses the ratio to the column in italics (of two nodes to one of the same kind), round by round. In plots a line goes from the lowest to the highest round. How to read it: [bench/README.md](../../README.md).',
    '',
    ...sections,
  ].join('\n');
}
