// The test command: looks for what the specs need, checks types and style, builds, runs every spec, and counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingPackages } from './programs.mjs';

const INTERRUPTS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
let running;
let interruptedWith;

/** Whoever gave this the terminal or the signal may have told this process alone. */
function interrupt(signal) {
  interruptedWith = INTERRUPTS[signal];
  running?.kill(signal);
}
for (const signal of Object.keys(INTERRUPTS)) process.on(signal, () => interrupt(signal));
const { ppid } = process;
// A shell that npm has put between does not pass signals on, and is gone.
setInterval(() => process.ppid !== ppid && interrupt('SIGTERM'), 500).unref();

/** @returns the exit code; ends the command itself once it was interrupted */
async function run(command, args) {
  running = spawn(command, args, { stdio: 'inherit' });
  const [code] = await once(running, 'exit');
  running = undefined;
  if (interruptedWith === undefined) return code ?? 1;
  if (folder) rmSync(folder, { recursive: true, force: true });
  process.exit(interruptedWith);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(reason) {
  say(reason);
  say('0 passed, 1 failed');
  process.exit(1);
}

/** For what Jest counts. */
let folder;
const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
const majors = engines.node.split('||').map(Number);
if (!majors.includes(Number.parseInt(process.versions.node, 10))) {
  const wanted = `The specs need Node.js ${majors.join(' or ')}, and this is ${process.versions.node}`;
  fail(`${wanted}: "npm ci --include=dev --include=optional" brings 22, and "npm test" uses it.`);
}
const missing = missingPackages();
if (missing.length > 0) fail(`The specs need ${missing.join(', ')}: "npm run setup" brings what is missing.`);

for (const [what, args] of [
  ['types', ['tsc', '-p', 'tsconfig.json']],
  ['style', ['biome', 'check', '.']],
  ['build', ['tsc', '-p', 'tsconfig.build.json']],
]) {
  say(`checking ${what}`);
  // What is left of removed sources would be packed, and seen by specs.
  if (what === 'build') rmSync('dist', { recursive: true, force: true });
  if ((await run(join('node_modules', '.bin', args[0]), args.slice(1))) !== 0) fail(`${what}: see above`);
}

folder = mkdtempSync(join(tmpdir(), 'aerie-spec-'));
const results = join(folder, 'results.json');
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const status = await run(process.execPath, [...jest, '--json', `--outputFile=${results}`, ...process.argv.slice(2)]);
const counts = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : undefined;
rmSync(folder, { recursive: true, force: true });
if (!counts) fail('the specs did not run');
const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
say(`${counts.numPassedTests} passed, ${failed} failed`);
process.exit(status);
