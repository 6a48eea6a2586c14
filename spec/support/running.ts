import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In the folder of the run: a file for each process that runs, named by its id. */
export const RUNNING = 'running';

/** Has a process ended with the run at the latest. @returns what takes that back, once it has ended */
export function endWithRun(pid: number): () => void {
  const file = join(tmpdir(), RUNNING, `${pid}`);
  writeFileSync(file, '');
  return () => rmSync(file, { force: true });
}
