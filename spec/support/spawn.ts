import { type SpawnOptions, spawn as spawnChild } from 'node:child_process';
import { endWithRun } from './running.ts';

/**
 * As Node's, for a process that ends with the run at the latest: a spec that fails may not come to end it. It has a group of its
 * own, so that those go with it which it has started.
 */
export const spawn = ((command: string, args: readonly string[], options: SpawnOptions) => {
  const child = spawnChild(command, args, { ...options, detached: true });
  if (child.pid !== undefined) child.once('exit', endWithRun(child.pid));
  return child;
}) as typeof spawnChild;
