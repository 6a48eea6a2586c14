import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './support/eventually.ts';
import { spawn } from './support/spawn.ts';

const JEST = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it.each([
  ['SIGINT', 1],
  ['SIGINT', 2],
  ['SIGKILL', 2],
] as const)(
  'a run that %s ends in the middle, with %i worker, leaves no process and no file',
  async (signal, workers) => {
    const dir = mkdtempSync(join(tmpdir(), 'aerie-interrupted-'));
    const { REDIS_URL: _, ...env } = process.env;
    const options = [
      '--testMatch',
      '**/spec/support/hanging/*.ts',
      `--maxWorkers=${workers}`,
      '--cacheDirectory',
      `${dir}-cache`,
    ];
    const run = spawn(process.execPath, [...JEST, ...options], { env: { ...env, TMPDIR: dir }, stdio: 'ignore' });
    const pids = await eventually(() => {
      const [home = ''] = readdirSync(dir);
      const files = readdirSync(join(dir, home)).filter((name) => name.startsWith('pids-'));
      expect(files).toHaveLength(workers);
      const started = files.flatMap((name) => JSON.parse(readFileSync(join(dir, home, name), 'utf8')) as number[]);
      return [...started, ...readdirSync(join(dir, home, 'running')).map(Number)];
    }, 15_000);
    expect(pids.filter(isRunning)).toEqual(pids);
    run.kill(signal);
    await eventually(() => expect([pids.filter(isRunning), readdirSync(dir)]).toEqual([[], []]), 10_000);
    rmSync(dir, { recursive: true });
  },
  40_000,
);
