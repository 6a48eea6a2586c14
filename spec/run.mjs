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

function has(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}

/** The specs run against real Redis: a `redis-server` on the PATH, installed here where that can be done. */
function provideRedis() {
  if (has('redis-server')) return;
  const debian = existsSync('/etc/debian_version') && process.getuid?.() === 0 && has('apt-get');
  if (debian) {
    say('installing redis-server');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], { ...quiet, env });
    // Not the service: the specs start their own.
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], { ...quiet, env });
  }
  if (!has('redis-server')) {
    fail(
      'The specs need a redis-server: install it (Debian: apt-get install redis-server; macOS: brew install redis).',
    );
  }
}

provideRedis();
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
