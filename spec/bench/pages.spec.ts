import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../../bench/command_line.ts';
import { writeReport } from '../../bench/report/write.ts';
import { catalogue, scenarioNamed } from '../../bench/scenarios/catalogue.ts';

const REFERENCE = 'bench/results/reference';

describe('the pages of bench', () => {
  it('say what each scenario asks, and name no other', () => {
    const page = readFileSync('bench/README.md', 'utf8');
    const [, table = ''] = page.split('## What each scenario asks');
    const named = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
    expect(named).toEqual(catalogue.map(({ name }) => name));
  });

  it('have a report of a whole run that is what its result.json makes', () => {
    const result = JSON.parse(readFileSync(join(REFERENCE, 'result.json'), 'utf8'));
    expect(result.scenarios.map(({ name }: { name: string }) => name).sort()).toEqual(
      catalogue.map(({ name }) => name).sort(),
    );
    const folder = mkdtempSync(join(tmpdir(), 'aerie-bench-'));
    writeReport(folder, result);
    const files = readdirSync(folder).sort();
    expect(readdirSync(REFERENCE).sort()).toEqual(files);
    for (const file of files) {
      expect(readFileSync(join(folder, file), 'utf8')).toBe(readFileSync(join(REFERENCE, file), 'utf8'));
    }
    rmSync(folder, { recursive: true });
  });
});

describe('the command line', () => {
  it('does not put what two machines have measured under the name of one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aerie-bench-'));
    writeFileSync(join(folder, 'result.json'), JSON.stringify({ machine: { cpu: 'another' }, scenarios: [] }));
    const args = ['bench/main.ts', '--merge', '--only', 'registration', '--out', folder];
    const run = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    run.stderr.on('data', (data) => {
      said += data;
    });
    const [code] = await once(run, 'close');
    expect([code, said]).toEqual([
      2,
      expect.stringContaining('was measured on another machine or with other versions'),
    ]);
    rmSync(folder, { recursive: true });
  });

  it('says which option is wrong', () => {
    expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds 0: expected a number above 0');
    expect(() => readOptions(['--rounds', '0.5'])).toThrow('--rounds 0.5: expected a whole number');
    expect(() => readOptions(['--seconds', 'Infinity'])).toThrow('--seconds Infinity: expected a number above 0');
    expect(() => readOptions(['--fast'])).toThrow('--fast');
    expect(() => scenarioNamed('nothing')).toThrow('There is no scenario "nothing". There are: connect, ');
  });

  it('takes less time for a quick run unless told otherwise', () => {
    const [full, quick] = [readOptions([]), readOptions(['--quick', '--only', 'echo-1,echo-32'])];
    expect(full.rounds * full.seconds).toBeGreaterThan(quick.rounds * quick.seconds);
    expect(quick.only).toEqual(['echo-1', 'echo-32']);
    expect(readOptions(['--quick', '--rounds', '2']).rounds).toBe(2);
  });
});
