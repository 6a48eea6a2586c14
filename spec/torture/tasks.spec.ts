import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeTask } from '../channels/task/members.ts';
import { type Aerie, folder, onRedis, type Place, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { randomFrom } from '../support/random.ts';
import { sharedRedisUrl } from '../support/redis.ts';
import { spawn } from '../support/spawn.ts';
import { textOf } from './chunks.mjs';

/** `TORTURE_ROUNDS` for more, `TORTURE_SEED` to begin with the one that failed. */
const ROUNDS = Number(process.env.TORTURE_ROUNDS ?? 3);
const FIRST_SEED = Number(process.env.TORTURE_SEED ?? Math.floor(Math.random() * 1e6));
const COUNT = 300;
const KILLS = 5;

const backends: [string, number, () => Promise<Place>][] = [
  ['the embedded store', 1, folder],
  ['Redis and two nodes', 2, async () => onRedis(sharedRedisUrl())],
];

const rounds = backends.flatMap(([name, nodeCount, makePlace]) =>
  Array.from({ length: ROUNDS }, (_, round) => ({ name, nodeCount, makePlace, seed: FIRST_SEED + round })),
);

describe('producer, consumer and servers are killed at random', () => {
  it.concurrent.each(rounds)(
    'on $name, every chunk arrives once, in seed $seed',
    async ({ nodeCount, makePlace, seed }) => {
      const place = await makePlace();
      const dir = await mkdtemp(join(tmpdir(), 'aerie-torture-'));
      const random = randomFrom(seed);
      const ports = await Promise.all(Array.from({ length: nodeCount }, freePort));
      const startNode = (port: number) =>
        startAerie({ ...place.env, PORT: `${port}`, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' });
      const nodes = await Promise.all(ports.map(startNode));
      const [first] = nodes;
      if (!first) throw new Error('no nodes');
      const { id, client, provider } = await makeTask(first);
      const file = join(dir, 'consumer.txt');
      writeFileSync(file, '');

      const run = (program: string, apiKey: string) => {
        const node = nodes[Math.floor(random() * nodes.length)] ?? first;
        const settings = {
          SEED: `${seed}`,
          COUNT: `${COUNT}`,
          IN_FLIGHT: `${1 + Math.floor(random() * 8)}`,
          FILE: file,
        };
        return spawn(process.execPath, [`spec/torture/${program}.mjs`], {
          env: { PATH: process.env.PATH, AERIE_URL: node.url, API_KEY: apiKey, TASK_ID: id, ...settings },
          stdio: ['ignore', 'inherit', 'inherit'],
        });
      };
      const programs = {
        producer: run('producer', provider.apiKey),
        consumer: run('consumer', client.apiKey),
      };
      try {
        for (let kill = 0; kill < KILLS; kill++) {
          await sleep(100 + random() * 500);
          const victim = Math.floor(random() * (nodeCount + 2));
          if (victim < nodeCount) await restart(nodes, victim, () => startNode(ports[victim] ?? 0));
          else if (victim === nodeCount) {
            if (await killed(programs.producer)) programs.producer = run('producer', provider.apiKey);
          } else if (await killed(programs.consumer)) {
            // Whatever it was writing is one line too few.
            if (!readFileSync(file, 'utf8').endsWith('\n')) appendFileSync(file, '\n');
            programs.consumer = run('consumer', client.apiKey);
          }
        }
        await eventually(() => expect(readFileSync(file, 'utf8')).toContain('complete '), 30_000);
        check(seed, readFileSync(file, 'utf8'));
        await eventually(() => expect(programs.producer.exitCode).toBe(0), 10_000);
      } finally {
        for (const child of Object.values(programs)) child.kill('SIGKILL');
        await Promise.all(nodes.map((node) => node.stop()));
        await place.remove();
        await rm(dir, { recursive: true });
      }
    },
    90_000,
  );
});

/** Each join got what it asked for, each chunk once, and all joins together got everything. */
function check(seed: number, written: string) {
  const all = new Map<number, string>();
  let sinceJoin = new Set<number>();
  let above = -1;
  let completed: string | undefined;
  for (const [word, number, digest = ''] of written.split('\n').map((line) => line.split(' '))) {
    const seq = Number(number);
    if (word === 'join') [sinceJoin, above] = [new Set(), seq];
    if (word === 'complete') completed = number;
    if (word !== 'chunk') continue;
    if (seq <= above || sinceJoin.has(seq))
      throw new Error(`seed ${seed}: chunk ${seq} came twice in a join above ${above}`);
    sinceJoin.add(seq);
    all.set(seq, digest);
  }
  const seqs = Array.from({ length: COUNT }, (_, seq) => seq);
  expect([...all.keys()].sort((a, b) => a - b)).toEqual(seqs);
  for (const seq of seqs) expect(all.get(seq)).toBe(sha256(textOf(seed, seq)));
  expect(completed).toBe(sha256(seqs.map((seq) => textOf(seed, seq)).join('')));
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** @returns false if it had ended by itself */
async function killed(child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) return false;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
  return true;
}

async function restart(nodes: Aerie[], at: number, start: () => Promise<Aerie>) {
  nodes[at]?.signal('SIGKILL');
  await nodes[at]?.exit;
  nodes[at] = await start();
}
