// The test command: brings what the specs need, checks types and style, builds, runs every spec, and counts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };

function run(command, args, options = {}) {
  return spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1;
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(reason) {
  say(reason);
  say('0 passed, 1 failed');
  process.exit(1);
}

const runs = (command) => spawnSync(command, { shell: true, stdio: 'ignore' }).status === 0;

/** What the specs run, by the package that has it on Debian, and how to see that it is there. */
const programs = {
  'redis-server': 'redis-server --version',
  haproxy: 'haproxy -v',
  // For `config` alone, which needs no engine.
  'docker-compose': 'docker compose version || docker-compose version',
};

/** They are taken from the PATH, or installed here where that can be done. */
function providePrograms() {
  const missing = Object.keys(programs).filter((name) => !runs(programs[name]));
  if (missing.length === 0) return;
  if (existsSync('/etc/debian_version') && process.getuid?.() === 0 && runs('apt-get --version')) {
    say(`installing ${missing.join(' and ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], { ...quiet, env });
    // Not as services: the specs start their own.
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { ...quiet, env });
  }
  const stillMissing = missing.filter((name) => !runs(programs[name])).join(' and ');
  if (stillMissing) fail(`The specs need ${stillMissing}: install it (Debian: apt-get install; macOS: brew install).`);
}

providePrograms();
for (const [what, args] of [
  ['types', ['tsc', '-p', 'tsconfig.json']],
  ['style', ['biome', 'check', '.']],
  ['build', ['tsc', '-p', 'tsconfig.build.json']],
]) {
  say(`checking ${what}`);
  if (run(join('node_modules', '.bin', args[0]), args.slice(1)) !== 0) fail(`${what}: see above`);
}

const folder = mkdtempSync(join(tmpdir(), 'aerie-spec-'));
const results = join(folder, 'results.json');
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const status = run(process.execPath, [...jest, '--json', `--outputFile=${results}`, ...process.argv.slice(2)]);
const counts = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : undefined;
rmSync(folder, { recursive: true, force: true });
if (!counts) fail('the specs did not run');
const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
say(`${counts.numPassedTests} passed, ${failed} failed`);
process.exit(status);
