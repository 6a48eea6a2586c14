import type { MachineDescription } from '../machine/description.ts';
import { numberText, ratioText } from './number_text.ts';
import type { Summary } from './summary.ts';

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

function table({ figures, rows }: Summary): string[] {
  const labels = rows.map(({ contestant }) => contestant);
  const lines = figures.map(({ key, label, unit }) => [
    unit === '' ? label : `${label}, ${unit}`,
    ...rows.map(({ isBaseline, cells }) => {
      const cell = cells.get(key);
      if (!cell) return '–';
      const told =
        cell.ratio === undefined ? numberText(cell.median) : `${numberText(cell.median)} (${ratioText(cell.ratio)})`;
      return isBaseline ? `*${told}*` : told;
    }),
  ]);
  return [row(['', ...labels]), row(['---', ...labels.map(() => '---:')]), ...lines.map(row)];
}

function remarks({ result, rows }: Summary): string {
  const rounds = Math.max(...result.contestants.map((one) => one.rounds.length));
  const failed = rows.reduce((sum, { failedRounds }) => sum + failedRounds, 0);
  const spreads = rows.flatMap(({ cells }) => [...cells.values()].slice(0, 1).map(({ spread }) => spread));
  const parts = [
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${result.seconds} s a phase${result.isQuick ? ', quick: rough' : ''}`,
    ...(rounds > 1
      ? [`the first figure spread by up to ${numberText(100 * Math.max(0, ...spreads))} % over the rounds`]
      : []),
    ...(failed > 0 ? [`**${failed} measurements failed**`] : []),
  ];
  return `${parts.join('; ')}.`;
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

/** @param plots the files of a scenario's plots */
export function markdownReport(
  machine: MachineDescription,
  summaries: readonly Summary[],
  plots: ReadonlyMap<string, readonly string[]>,
): string {
  const sections = summaries.flatMap((summary) => [
    `## ${summary.scenario.name}`,
    '',
    `${summary.scenario.asks[0]?.toUpperCase()}${summary.scenario.asks.slice(1)}.`,
    '',
    ...(plots.get(summary.scenario.name) ?? []).flatMap((file) => [`![${summary.scenario.name}](${file})`, '']),
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
    'Medians over the rounds; in parentheses the ratio to the column in italics (of two nodes to one of the same kind), round by round. How to read it: [bench/README.md](../../README.md).',
    '',
    ...sections,
  ].join('\n');
}
