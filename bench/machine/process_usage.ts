import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';

/** Of `utime` and `stime` in /proc: the same on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const UTIME_AFTER_NAME = 11;

/** All threads, those that have ended too, rounded down to ticks of 10 ms. */
function tickSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name stands in parentheses and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME_AFTER_NAME]) + Number(fields[UTIME_AFTER_NAME + 1])) / TICKS_PER_SECOND;
}

/** Threads that run now, to the nanosecond as of when each was last off its CPU or at a tick; 0 where the kernel keeps no such count. */
function scheduledSeconds(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // It has ended since the folder was read, or there is no such count.
    }
  }
  return ns / 1e9;
}

/** CPU seconds that processes have used so far, all their threads, user and system. */
export function cpuSeconds(pids: readonly number[]): number {
  // Neither count is ever too high, so the higher one is nearer to the truth.
  return pids.reduce((sum, pid) => sum + Math.max(tickSeconds(pid), scheduledSeconds(pid)), 0);
}

/** Bytes in memory now. */
export function residentBytes(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) kib += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return kib * 1024;
}

/** As `residentBytes`, without what is a file's: an embedded store shows its file in memory. */
export function privateBytes(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) kib += Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return kib * 1024;
}

/**
 * CPU seconds that everybody on this machine has used, and that its host took from it; without whoever gives way (nice), unless
 * this process does so itself.
 */
export function busySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    readFileSync('/proc/stat', 'utf8').slice(0, 200).split('\n')[0]?.split(/\s+/).slice(1).map(Number) ?? [];
  return (user + (getPriority() > 0 ? nice : 0) + system + irq + softirq + steal) / TICKS_PER_SECOND;
}
