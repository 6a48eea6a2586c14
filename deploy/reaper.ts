import { createInterface } from 'node:readline';

/**
 * Ends processes when the one that started them is gone, however it went: their ids come as lines on stdin, with a `-`
 * once they have ended, and stdin ends with its writer.
 */
const KILL_AFTER_MS = 10_000;
const pids = new Set<number>();

function signal(name: NodeJS.Signals | 0): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      pids.delete(pid);
    }
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line.startsWith('-')) pids.delete(Number(line.slice(1)));
    else pids.add(Number(line));
  })
  .on('close', () => {
    signal('SIGINT');
    const killAt = Date.now() + KILL_AFTER_MS;
    const timer = setInterval(() => {
      signal(Date.now() < killAt ? 0 : 'SIGKILL');
      if (pids.size === 0) clearInterval(timer);
    }, 100);
  });
