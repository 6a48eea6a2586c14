import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTask, type Pair } from '../channels/task/members.ts';
import { type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { spawn } from '../support/spawn.ts';

const TOKENS = 300;

let aerie: Aerie;
let task: Pair;
let dir: string;

beforeAll(async () => {
  aerie = await startAerieInFolder();
  task = await makeTask(aerie);
  dir = await mkdtemp(join(tmpdir(), 'aerie-example-'));
});
afterAll(async () => {
  await aerie.stop();
  await rm(dir, { recursive: true });
});

function run(program: 'provider' | 'consumer', apiKey: string, ...args: string[]) {
  const child = spawn(process.execPath, [`dist/examples/task-stream/${program}.js`, ...args], {
    env: { PATH: process.env.PATH, AERIE_URL: aerie.url, API_KEY: apiKey, TASK_ID: task.id, TOKENS: `${TOKENS}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  return { child, said: () => said, exit: new Promise<number | null>((resolve) => child.once('exit', resolve)) };
}

async function kill({ child, exit }: { child: ChildProcess; exit: Promise<unknown> }) {
  child.kill('SIGKILL');
  await exit;
}

it('both are killed in the middle, go on where they were, and agree on the whole', async () => {
  const file = join(dir, 'answer.txt');
  const tokens = () => (existsSync(file) ? readFileSync(file, 'utf8').split('token-').length - 1 : 0);

  const [provider, consumer] = [run('provider', task.provider.apiKey), run('consumer', task.client.apiKey, file)];
  await eventually(() => expect(tokens()).toBeGreaterThan(30));
  await kill(consumer);
  await kill(provider);
  const providerAgain = run('provider', task.provider.apiKey);
  const consumerAgain = run('consumer', task.client.apiKey, file);
  expect(await providerAgain.exit).toBe(0);
  expect(await consumerAgain.exit).toBe(0);
  expect(consumerAgain.said()).toMatch(/^resuming at [1-9]\d+\nwhole\n$/);
  const all = Array.from({ length: TOKENS }, (_, n) => `token-${n}${n % 10 === 9 ? '\n' : ' '}`).join('');
  expect(readFileSync(file, 'utf8')).toBe(all);
});

it.each(['provider', 'consumer'])('%s.ts has less than 80 lines', (program) => {
  expect(readFileSync(`examples/task-stream/${program}.ts`, 'utf8').split('\n').length).toBeLessThan(80);
});
