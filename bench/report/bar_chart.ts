import { numberText, ratioText } from './number_text.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly ratio: number | undefined;
  /** It is what this project brings. */
  readonly isOurs: boolean;
}

/** Middle tones: legible on white and on black. */
const COLOURS = { text: '#7d8590', ours: '#2f81f7', others: '#8d96a0' };
const WIDTH = 800;
const LABEL_WIDTH = 270;
const VALUE_WIDTH = 150;
const BAR_HEIGHT = 20;
const STEP = 30;
const TOP = 40;
const MIN_BAR = 1;

const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** Horizontal bars as SVG, without a background of its own. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const height = TOP + bars.length * STEP;
  const drawn = bars.flatMap(({ label, value, ratio, isOurs }, i) => {
    const [top, width] = [TOP + i * STEP, Math.max(MIN_BAR, (value / most) * room)];
    const middle = top + BAR_HEIGHT / 2;
    const told = `${numberText(value)} ${unit}${ratio === undefined ? '' : ` (${ratioText(ratio)})`}`;
    return [
      `<text x="${LABEL_WIDTH - 10}" y="${middle}" text-anchor="end"${isOurs ? ' font-weight="bold"' : ''}>${escaped(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${top}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${isOurs ? COLOURS.ours : COLOURS.others}"/>`,
      `<text x="${(LABEL_WIDTH + width + 8).toFixed(1)}" y="${middle}">${escaped(told)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<g font-family="system-ui, sans-serif" font-size="13" dominant-baseline="central" fill="${COLOURS.text}">`,
    `<text x="0" y="14" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...drawn,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}
