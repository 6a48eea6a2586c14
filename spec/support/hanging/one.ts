import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from '../spawn.ts';

// What spec/interrupted.spec.ts interrupts: a spec that never ends, with a process that starts another, and cannot end either.
it('hangs', async () => {
  const inner =
    "const inner = require('child_process').spawn('sleep', ['1000']); console.log(inner.pid); setInterval(() => {}, 1e6)";
  const child = spawn(process.execPath, ['-e', inner], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const innerPid = await new Promise((resolve) => child.stdout?.once('data', (data) => resolve(Number(data))));
  child.kill('SIGSTOP');
  writeFileSync(join(tmpdir(), `pids-${process.pid}`), JSON.stringify([process.pid, child.pid, innerPid]));
  await new Promise(() => setInterval(() => {}, 1e6));
}, 1e9);
