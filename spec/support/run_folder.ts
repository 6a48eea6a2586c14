import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUNNING } from './running.ts';

/** A folder in memory: a store flushes each commit, and specs would spend most of their time waiting for a disk. */
const IN_MEMORY = '/dev/shm';
/** Many times the space that a run needs; a container often has only 64 MiB there. */
const ENOUGH_BYTES = 2 ** 31;

declare global {
  var aerieSpecKeeper: ChildProcess | undefined;
}

/**
 * Makes a folder for all that the specs write. It goes with the run, and so do the processes that were started, also when the
 * run is interrupted or killed: a process beside it sees to that.
 */
export default function makeRunFolder(): void {
  const folder = mkdtempSync(join(homeOfFiles(), 'aerie-'));
  process.env.TMPDIR = folder;
  const running = join(folder, RUNNING);
  mkdirSync(running);
  // In a group of its own, so that what a terminal sends does not reach it.
  globalThis.aerieSpecKeeper = spawn(process.execPath, ['spec/support/keeper.mjs', folder, running], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
}

/** Resolves when nothing of the run is left. */
export async function removeRunFolder(): Promise<void> {
  const keeper = globalThis.aerieSpecKeeper;
  if (!keeper) return;
  // With one file of specs they run in this process.
  rmSync(join(tmpdir(), RUNNING, `${process.pid}`), { force: true });
  const exit = once(keeper, 'exit');
  keeper.stdin?.end();
  await exit;
}

/** `TMPDIR` if it is set. A process that is killed loses no more of a file in memory than of one on disk. */
function homeOfFiles(): string {
  if (process.env.TMPDIR || !existsSync(IN_MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  return bavail * bsize >= ENOUGH_BYTES ? IN_MEMORY : tmpdir();
}
