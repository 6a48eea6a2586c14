import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Files that a process may open: Node.js raises its own limit to this. */
export function openFileLimit(): number {
  const [, hard = ''] = /Max open files\s+\S+\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}

export const isRedisThere = (): boolean => spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
