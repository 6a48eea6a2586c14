import { spawn as spawnChild } from 'node:child_process';
import { endWithRun } from './running.ts';

/**
 * As Node's, for a process that ends with the run at the latest: a spec that fails may not come to end it. What it starts goes with
 * it if it is `detached`, which gives it a group of its own; the scheduler may then share the cores out by group, so it is
 * not for all.
 */
export const spawn = ((...args: Parameters<typeof spawnChild>) => {
  const child = spawnChild(...args);
  if (child.pid !== undefined) child.once('exit', endWithRun(child.pid));
  return child;
}) as typeof spawnChild;
