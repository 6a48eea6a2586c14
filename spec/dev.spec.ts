import { cpSync, mkdtempSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './support/eventually.ts';
import { spawn } from './support/spawn.ts';

it('npm run dev serves the sources and starts again when one changes', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'aerie-dev-'));
  for (const part of [
    'platform',
    'gateways',
    'channels',
    'presence',
    'server',
    'crypto',
    'package.json',
    'tsconfig.json',
  ]) {
    cpSync(part, join(copy, part), { recursive: true });
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  // Its own group, for npm and the watcher start further processes.
  const dev = spawn('npm', ['run', 'dev'], {
    cwd: copy,
    detached: true,
    env: { ...process.env, PORT: '0', ORBIT_PORT: '0', DATA_DIR: join(copy, 'data'), DRAIN_MS: '0' },
  });
  let output = '';
  for (const stream of [dev.stdout, dev.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  const starts = () => output.split('listens on').length - 1;
  try {
    await eventually(() => expect(starts()).toBe(1), 60_000);
    const now = new Date();
    utimesSync(join(copy, 'platform', 'main.ts'), now, now);
    await eventually(() => expect(starts()).toBe(2), 60_000);
  } finally {
    const ended = new Promise((resolve) => dev.once('exit', resolve));
    if (dev.pid) process.kill(-dev.pid, 'SIGTERM');
    await ended;
    rmSync(copy, { recursive: true, force: true });
  }
}, 150_000);
