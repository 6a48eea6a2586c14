import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a script where the PATH has these programs, a shell, and no others. */
function run(script: string, programs: Record<string, string>) {
  const dir = mkdtempSync(join(tmpdir(), 'path-'));
  symlinkSync('/bin/sh', join(dir, 'sh'));
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  const { status, stdout } = spawnSync(process.execPath, [script], { env: { PATH: dir }, encoding: 'utf8' });
  return { status, stdout };
}

const all = { 'redis-server': 'exit 0', haproxy: 'exit 0', chromium: 'exit 0', docker: 'exit 0' };

describe('npm run setup', () => {
  it('has nothing to do where everything is there', () => {
    expect(run('spec/setup.mjs', all)).toEqual({
      status: 0,
      stdout: 'All system packages that the specs need are there.\n',
    });
    // Compose comes as a plugin of docker, or as a program.
    const { docker: _, ...others } = all;
    expect(run('spec/setup.mjs', { ...others, 'docker-compose': 'exit 0' }).status).toBe(0);
  });

  it('says in one line what to install where it cannot', () => {
    const { status, stdout } = run('spec/setup.mjs', { haproxy: 'exit 0', chromium: 'exit 0', docker: 'exit 1' });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^Missing: redis-server, docker-compose\. Install them [^\n]+\n$/);
  });
});

it('npm test installs nothing, and says in one line what does', () => {
  const { status, stdout } = run('spec/run.mjs', { 'redis-server': 'exit 0', 'apt-get': 'exit 1' });
  expect(status).toBe(1);
  expect(stdout).toBe(
    'The specs need haproxy, chromium, docker-compose: "npm run setup" brings what is missing.\n0 passed, 1 failed\n',
  );
});
