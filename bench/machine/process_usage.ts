import { readFileSync } from 'node:fs';

/** Of `utime` and `stime` in /proc: the same on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const UTIME_AFTER_NAME = 11;

/** CPU seconds that processes have used so far, all their threads, user and system. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[UTIME_AFTER_NAME]) + Number(fields[UTIME_AFTER_NAME + 1]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Bytes in memory now. */
export function residentBytes(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) kib += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return kib * 1024;
}

/** CPU seconds that everybody on this machine has used, and that its host took from it; without whoever gives way (nice). */
export function busySeconds(): number {
  const [user = 0, , system = 0, , , irq = 0, softirq = 0, steal = 0] =
    readFileSync('/proc/stat', 'utf8').slice(0, 200).split('\n')[0]?.split(/\s+/).slice(1).map(Number) ?? [];
  return (user + system + irq + softirq + steal) / TICKS_PER_SECOND;
}
