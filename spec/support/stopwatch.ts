import { existsSync, readFileSync } from 'node:fs';

/** Time that a process has waited for a core that others had; 0 on a system that does not tell. */
function inLineMs(pid: number): number {
  if (!existsSync('/proc/self/schedstat')) return 0;
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

/**
 * Starts to measure. What it returns tells how many ms have passed, less those that this process and the others that take part
 * have waited for a core: what a spec says of time is said of them, not of what else the machine does.
 */
export function stopwatch(...pids: readonly number[]): () => number {
  const taking = [...new Set([process.pid, ...pids])];
  const nowMs = () => performance.now() - taking.reduce((sum, pid) => sum + inLineMs(pid), 0);
  const startMs = nowMs();
  return () => nowMs() - startMs;
}
