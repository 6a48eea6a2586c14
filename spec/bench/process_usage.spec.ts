import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { cpuSeconds } from '../../bench/machine/process_usage.ts';
import { median } from '../../bench/statistics/median.ts';

/** For each line that comes: works for some milliseconds, then says how many seconds of CPU it has used. */
const BUSY = `process.stdin.on('data', () => {
  for (const end = performance.now() + 3; performance.now() < end; );
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1e6);
});`;

describe('CPU of a process', () => {
  it('is told within a few milliseconds: what a thousand joins take is little', async () => {
    const child = spawn(process.execPath, ['-e', BUSY], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout);
    const differences: number[] = [];
    for (let i = 0; i < 15; i++) {
      child.stdin.write('\n');
      const [used] = await once(lines, 'line');
      differences.push(Math.abs(cpuSeconds([child.pid ?? 0]) - Number(used)) * 1_000);
    }
    const exit = once(child, 'exit');
    child.kill();
    await exit;
    expect(median(differences)).toBeLessThan(4);
  });
});
