import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from '../../bench/measurement.ts';
import { scenarioNamed } from '../../bench/scenarios/catalogue.ts';
import { aerie } from '../../bench/servers/rooms.ts';
import { deploy } from '../../bench/servers/start.ts';
import { eventually } from '../support/eventually.ts';

const nowhere = { server: undefined, generator: undefined, redis: undefined };

/** Processes that have a text in their environment. */
function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

/** Ends the processes that a failing case would leave. */
function kill(pids: readonly string[]): void {
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
}

describe('a run that is broken off', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aerie-bench-'));
  });

  afterEach(() => {
    kill(processesWith(`TMPDIR=${folder}`));
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves no process and no file by %s', async (signal) => {
    const args = ['bench/main.ts', '--only', 'registration', '--out', join(folder, 'out')];
    const run = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: folder }, stdio: 'ignore' });
    // The run itself, a server and the generator.
    await eventually(() => expect(processesWith(`TMPDIR=${folder}`).length).toBeGreaterThanOrEqual(3));
    expect(readdirSync(folder)).toHaveLength(1);
    const exit = once(run, 'exit');
    run.kill(signal);
    expect(await exit).toEqual([130, null]);
    await eventually(() => expect(processesWith(`TMPDIR=${folder}`)).toEqual([]));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('servers of which one does not start', () => {
  const mark = randomUUID();

  afterEach(() => kill(processesWith(`MARK=${mark}`)));

  it('are all stopped, and the error has what it said', async () => {
    let nodes = 0;
    const program = `if (process.env.FAILS) throw new Error('no such setting'); require('node:http').createServer().listen(process.env.PORT)`;
    const starting = deploy(nowhere, {
      nodes: 2,
      redis: undefined,
      command: [process.execPath, '-e', program],
      envOf: () => ({ MARK: mark, ...(++nodes === 2 && { FAILS: 'yes' }) }),
      subject: { wire: 'phoenix' },
    });
    await expect(starting).rejects.toThrow('no such setting');
    await eventually(() => expect(processesWith(`MARK=${mark}`)).toEqual([]));
  });
});

describe('a measurement that takes too long', () => {
  const mark = randomUUID();

  afterEach(() => {
    delete process.env.BENCH_MARK;
    kill(processesWith(`BENCH_MARK=${mark}`));
  });

  it('is ended, and the error says so', async () => {
    process.env.BENCH_MARK = mark;
    const scale = { isQuick: true, seconds: 600, warmUpSeconds: 0 };
    const measured = measure(scenarioNamed('echo-1'), aerie(), scale, nowhere, 1_500);
    await expect(measured).rejects.toThrow('it took more than 1.5 s');
    await eventually(() => expect(processesWith(`BENCH_MARK=${mark}`)).toEqual([]));
  });
});
