// The test command: looks for what the specs need, checks types and style, builds, runs every spec, and counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingPackages } from './programs.mjs';

const INTERRUPTS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
const running = new Set();
let interruptedWith;

/** Whoever gave this the terminal or the signal may have told this process alone. */
function interrupt(signal) {
  interruptedWith = INTERRUPTS[signal];
  for (const child of running) child.kill(signal);
}
for (const signal of Object.keys(INTERRUPTS)) process.on(signal, () => interrupt(signal));
const { ppid } = process;
// A shell that npm has put between does not pass signals on, and is gone.
setInterval(() => process.ppid !== ppid && interrupt('SIGTERM'), 500).unref();

/** @returns the exit code; ends the command itself once it was interrupted */
async function run(command, args) {
  const child = spawn(command, args, { stdio: 'inherit' });
  running.add(child);
  const [code] = await once(child, 'exit');
  running.delete(child);
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

/** @param args a program of node_modules and what it is told */
async function check(what, [program, ...args]) {
  return { what, code: await run(join('node_modules', '.bin', program), args) };
}

say('checking types and style, building');
// What is left of removed sources would be packed, and seen by specs.
for (const built of ['dist', 'client/dist']) rmSync(built, { recursive: true, force: true });
// Examples and specs find its types there.
const client = await check('the client', ['tsc', '-p', 'client/tsconfig.json']);
if (client.code !== 0) fail(`${client.what}: see above`);
// Beside each other: none of them uses more than one core.
const checked = await Promise.all([
  check('types', ['tsc', '-p', 'tsconfig.json']),
  check('types of the console', ['tsc', '-p', 'console/tsconfig.json']),
  check('types of its specs', ['tsc', '-p', 'spec/console/tsconfig.json']),
  check('build', ['tsc', '-p', 'tsconfig.build.json']),
  run(process.execPath, ['console/build.mjs']).then((code) => ({ what: 'build of the console', code })),
  check('style', ['biome', 'check', '.']),
]);
for (const { what, code } of checked) if (code !== 0) fail(`${what}: see above`);

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
