import { Latencies } from '../../bench/generator/latencies.ts';
import { barChart } from '../../bench/report/bar_chart.ts';
import { markdownReport } from '../../bench/report/markdown.ts';
import { summarise } from '../../bench/report/summary.ts';
import { terminalTable } from '../../bench/report/terminal_table.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { median, spread } from '../../bench/statistics/median.ts';
import { ratio } from '../../bench/statistics/ratio.ts';

const contestant = (name: string) => ({ name, start: () => Promise.reject(new Error('it is not started here')) });

const scenario: Scenario = {
  name: 'fan-out',
  asks: 'one to many',
  contestants: [contestant('bare'), contestant('Aerie')],
  baselineOf: () => 'bare',
  figures: [
    { key: 'cpu', label: 'CPU', unit: 's', better: 'less', isPlotted: true },
    { key: 'redis', label: 'Redis', unit: 's', better: 'less' },
    { key: 'lost', label: 'lost', unit: '', better: 'less', isRemark: true },
  ],
  drive: () => Promise.reject(new Error('it is not driven here')),
};

const summary = summarise(scenario, {
  name: 'fan-out',
  isQuick: false,
  seconds: 3,
  contestants: [
    { name: 'bare', rounds: [{ cpu: 1, lost: 0 }, { cpu: 10, lost: 0 }, { cpu: 2, lost: 0 }, null] },
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
    expect(bare?.cells.get('cpu')).toMatchObject({ median: 2, ratio: undefined });
    expect(aerie?.cells.get('cpu')).toMatchObject({ median: 5.5, ratio: 1.5 });
    expect(aerie?.cells.get('lost')).toMatchObject({ median: 0, ratio: undefined });
    expect([bare?.isBaseline, aerie?.isBaseline, bare?.failedRounds]).toEqual([true, false, 1]);
    expect(summary.figures.map(({ key }) => key)).toEqual(['cpu', 'lost']);
  });

  it('is the same as a table, Markdown and a plot', () => {
    expect(terminalTable(summary)).toMatch(/CPU \[s\] +2 +5\.50 \(1\.50×\)/);
    const machine = { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: '6', fileSystem: 'ext4', node: '22', pinned: true };
    const report = markdownReport({ ...machine, versions: { ws: '8' } }, [summary], new Map([['fan-out', ['a.svg']]]));
    expect(report).toContain('| CPU, s | *2* | 5.50 (1.50×) |');
    expect(report).toContain('![fan-out](a.svg)');
    expect(report).toContain('**1 measurements failed**');
    const plot = barChart('a < b', 's', [{ label: 'Aerie', value: 5.5, ratio: 1.5, isOurs: true }]);
    expect(plot).toContain('a &lt; b');
    expect(plot).toContain('5.50 s (1.50×)');
  });
});
