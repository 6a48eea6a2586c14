import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUNNING } from './spawn.ts';

export default async function teardown() {
  await globalThis.aerieSpecRedis?.stop();
  for (const pid of readdirSync(join(tmpdir(), RUNNING)).map(Number)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, and whoever would have noted that has too.
    }
  }
  rmSync(tmpdir(), { recursive: true, force: true, maxRetries: 5 });
}
