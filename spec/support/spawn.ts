import { spawn as spawnChild } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In the folder of the run: a file for each process that runs, named by its id. */
export const RUNNING = 'running';

/** As Node's, for a process that ends with the run at the latest: a spec that fails may not come to end it. */
export const spawn = ((...args: Parameters<typeof spawnChild>) => {
  const child = spawnChild(...args);
  if (child.pid === undefined) return child;
  const file = join(tmpdir(), RUNNING, `${child.pid}`);
  writeFileSync(file, '');
  child.once('exit', () => rmSync(file, { force: true }));
  return child;
}) as typeof spawnChild;
