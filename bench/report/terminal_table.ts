import { numberText, ratioText } from './number_text.ts';
import { remarks } from './remarks.ts';
import type { Summary } from './summary.ts';

/** One line for each contestant; ratios in parentheses. */
export function terminalTable(summary: Summary): string {
  const { scenario, figures, rows } = summary;
  const head = ['', ...figures.map(({ label, unit }) => (unit === '' ? label : `${label} [${unit}]`))];
  const body = rows.map(({ contestant, cells, failedRounds }) => [
    failedRounds > 0 ? `${contestant} (${failedRounds} failed)` : contestant,
    ...figures.map(({ key }) => {
      const cell = cells.get(key);
      if (!cell) return '–';
      return cell.ratio === undefined ? numberText(cell.value) : `${numberText(cell.value)} (${ratioText(cell.ratio)})`;
    }),
  ]);
  // A column for each contestant: labels are longer than figures.
  const columns = [head, ...body];
  const widths = columns.map((column) => Math.max(...column.map((text) => text.length)));
  const lines = head.map((_, line) =>
    columns
      .map((column, i) =>
        i === 0 ? (column[line] ?? '').padEnd(widths[i] ?? 0) : (column[line] ?? '').padStart(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return [`${scenario.name}: ${scenario.asks}`, ...lines.map((line) => `  ${line}`), `  ${remarks(summary)}`].join(
    '\n',
  );
}
