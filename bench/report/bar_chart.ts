import { numberText, ratioText } from './number_text.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  readonly ratio: number | undefined;
  /** It is what this project brings, what stands beside it, or what bounds it. */
  readonly kind: 'ours' | 'others' | 'bound';
}

/** Of one kind of background each, which the plot brings: a page may be dark where the system is light. */
const STYLE = `<style>
.page{fill:#fff}.text{fill:#1f2328}.quiet,.others{fill:#6e7781}.ours{fill:#0969da}.bound{fill:none;stroke:#6e7781;stroke-dasharray:4 3}.range{stroke:#1f2328;stroke-width:1.5}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}.text{fill:#e6edf3}.quiet,.others{fill:#8d96a0}.ours{fill:#4493f8}.bound{stroke:#8d96a0}.range{stroke:#e6edf3}}
</style>`;
const WIDTH = 800;
const MARGIN = 12;
const LABEL_WIDTH = 282;
const VALUE_WIDTH = 150;
const BAR_HEIGHT = 18;
const STEP = 28;
const TOP = 46;
const MIN_BAR = 1;

const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** Horizontal bars as SVG, for light and for dark; a line on a bar goes from the lowest to the highest round. */
export function barChart(title: string, unit: string, better: 'more' | 'less', bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ highest }) => highest)) || 1;
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const height = TOP + bars.length * STEP + MARGIN - (STEP - BAR_HEIGHT);
  const xOf = (value: number) => (LABEL_WIDTH + Math.max(MIN_BAR, (value / most) * room)).toFixed(1);
  const drawn = bars.flatMap(({ label, value, lowest, highest, ratio, kind }, i) => {
    const top = TOP + i * STEP;
    const middle = top + BAR_HEIGHT / 2;
    const told = `${numberText(value)} ${unit}${ratio === undefined ? '' : ` (${ratioText(ratio)})`}`;
    const weight = kind === 'ours' ? ' font-weight="bold"' : '';
    return [
      `<text class="text" x="${LABEL_WIDTH - 10}" y="${middle}" text-anchor="end"${weight}>${escaped(label)}</text>`,
      `<rect class="${kind}" x="${LABEL_WIDTH}" y="${top}" width="${(Number(xOf(value)) - LABEL_WIDTH).toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
      ...(highest > lowest
        ? [`<line class="range" x1="${xOf(lowest)}" x2="${xOf(highest)}" y1="${middle}" y2="${middle}"/>`]
        : []),
      `<text class="text" x="${(Number(xOf(Math.max(value, highest))) + 8).toFixed(1)}" y="${middle}">${escaped(told)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    '<rect class="page" width="100%" height="100%" rx="6"/>',
    '<g font-family="system-ui, sans-serif" font-size="13" dominant-baseline="central">',
    `<text class="text" x="${MARGIN}" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    `<text class="quiet" x="${WIDTH - MARGIN}" y="22" text-anchor="end">${better} is better</text>`,
    ...drawn,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}
