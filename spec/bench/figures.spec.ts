import { Latencies } from '../../bench/generator/latencies.ts';
import { barChart } from '../../bench/report/bar_chart.ts';
import { markdownReport } from '../../bench/report/markdown.ts';
import { numberText } from '../../bench/report/number_text.ts';
import { remarks } from '../../bench/report/remarks.ts';
import { summarise } from '../../bench/report/summary.ts';
import { terminalTable } from '../../bench/report/terminal_table.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { median, spread } from '../../bench/statistics/median.ts';
import { ratio } from '../../bench/statistics/ratio.ts';

const contestant = (name: string) => ({ name, start: () => Promise.reject(new Error('it is not started here')) });

const scenario: Scenario = {
  name: 'fan-out',
  asks: 'one to many',
  quick: '10 members',
  contestants: [contestant('bare'), contestant('Aerie')],
  baselineOf: () => 'bare',
  figures: [
    { key: 'size', label: 'size', unit: '', better: 'less', isRemark: true },
    { key: 'cpu', label: 'CPU', unit: 's', better: 'less', isPlotted: true },
    { key: 'redis', label: 'Redis', unit: 's', better: 'less' },
    { key: 'lost', label: 'lost', unit: '', better: 'less', isFault: true },
  ],
  drive: () => Promise.reject(new Error('it is not driven here')),
};

const summary = summarise(scenario, {
  name: 'fan-out',
  isQuick: false,
  seconds: 3,
  contestants: [
    { name: 'bare', rounds: [{ size: 9, cpu: 1, lost: 0 }, { cpu: 10, lost: 0 }, { cpu: 2, lost: 0 }, null] },
    {
      name: 'Aerie',
      rounds: [
        { cpu: 2, lost: 0 },
        { cpu: 15, lost: 7 },
        { cpu: 3, lost: 0 },
        { cpu: 8, lost: 0 },
      ],
    },
  ],
});

describe('figures', () => {
  it('have medians and spreads', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(spread([8, 10, 12])).toBe(0.4);
  });

  it('have ratios round by round, so that a slow round of all changes none, and without those that failed', () => {
    expect(ratio([2, 15, 3], [1, 10, 2])).toBe(1.5);
    expect(ratio([2, 15, 3, 8], [1, 10, 2, Number.NaN])).toBe(1.5);
    expect(ratio([2], [])).toBeNaN();
  });

  it('have quantiles within 2 %', () => {
    const latencies = new Latencies();
    for (let us = 1_000; us <= 100_000; us += 1_000) latencies.add(us);
    expect(latencies.quantileMs(0.5) / 50).toBeCloseTo(1, 1);
    expect(Math.abs(latencies.quantileMs(0.99) / 99 - 1)).toBeLessThan(0.02);
    expect(new Latencies().quantileMs(0.5)).toBeNaN();
  });
});

describe('a report', () => {
  it('has the median of each contestant, its ratio to the baseline, and none of a remark', () => {
    const [bare, aerie] = summary.rows;
    expect(bare?.cells.get('cpu')).toMatchObject({ value: 2, ratio: undefined });
    expect(aerie?.cells.get('cpu')).toMatchObject({ value: 5.5, lowest: 2, highest: 15, ratio: 1.5 });
    expect([bare?.isBaseline, aerie?.isBaseline, bare?.failedRounds]).toEqual([true, false, 1]);
    expect(summary.figures.map(({ key }) => key)).toEqual(['size', 'cpu', 'lost']);
  });

  it('does not hide what was lost in one round behind the rounds in which nothing was', () => {
    const [bare, aerie] = summary.rows;
    expect(aerie?.cells.get('lost')).toMatchObject({ value: 7, ratio: undefined });
    expect([bare?.isFaulty, aerie?.isFaulty]).toEqual([false, true]);
    expect(remarks(summary)).toContain('**deliveries went wrong, so no figure of these counts: Aerie**');
  });

  it('says how the figures were found', () => {
    // Of what is measured, 1 to 10 about a median of 2; what is the same in all rounds tells nothing.
    expect(remarks(summary)).toMatch(/^4 rounds, 3 s a phase; the first figure spread by up to 450 % over the rounds;/);
    const [round] = summary.result.contestants.map(({ name, rounds }) => ({ name, rounds: rounds.slice(0, 1) }));
    const quick = { ...summary.result, isQuick: true, tookSeconds: 12, contestants: round ? [round] : [] };
    expect(remarks(summarise(scenario, quick))).toBe(
      '1 round, 3 s a phase, quick: rough, and with 10 members; it took 12 s.',
    );
  });

  it.each([
    [1_234_567, '1,234,567'],
    [0, '0'],
    [23.456, '23.5'],
    [1.234, '1.23'],
    [0.986, '0.99'],
    [0.0423, '0.042'],
    [Number.NaN, '–'],
  ])('has %d as %s', (value, text) => expect(numberText(value)).toBe(text));

  it('is the same as a table, Markdown and a plot', () => {
    expect(terminalTable(summary)).toMatch(/CPU \[s\] +2 +5\.50 \(1\.50×\)/);
    const machine = { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: '6', fileSystem: 'ext4', node: '22', pinned: true };
    const report = markdownReport(
      { ...machine, versions: { ws: '8' } },
      [summary],
      new Map([['fan-out', [{ file: 'a.svg', title: 'fan-out: CPU' }]]]),
    );
    expect(report).toContain('| CPU, s | *2* | 5.50 (1.50×) |');
    expect(report).toContain('![fan-out: CPU](a.svg)');
    expect(report).toContain('**1 measurement failed**');
    expect(report).toContain('| lost | *0* | **7** |');
  });

  it('has plots that say which way is better, and how far rounds differ', () => {
    const bar = { label: 'Aerie', value: 5.5, lowest: 2, highest: 15, ratio: 1.5, kind: 'ours' as const };
    const plot = barChart('a < b', 's', 'less', [bar]);
    for (const text of ['a &lt; b', '5.50 s (1.50×)', 'less is better', 'class="range"']) expect(plot).toContain(text);
    const nothing = barChart('nothing', 's', 'more', [{ ...bar, value: 0, lowest: 0, highest: 0 }]);
    expect(nothing).not.toContain('NaN');
    expect(nothing).not.toContain('class="range"');
  });
});
