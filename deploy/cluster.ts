// First: the nodes run on the same Node.js.
import '../server/exit_on_unsupported_node.ts';

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { adminTokenLines, saidTokens } from './admin_token.ts';
import { haproxyProgram, MAX_NODES, nodePrograms, redisProgram } from './stack.ts';
import { Supervisor } from './supervisor.ts';

/** The Compose stack as plain processes, for whoever has no containers: `npm run cluster -- --nodes 2`. */
const READY_WITHIN_MS = 30_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

function readOptions() {
  const options = {
    nodes: { type: 'string', default: '2' },
    port: { type: 'string', default: '4000' },
    dir: { type: 'string', default: 'data/cluster' },
  } as const;
  try {
    const { nodes, port, dir } = parseArgs({ options }).values;
    const count = Number(nodes);
    const first = Number(port);
    if (Number.isInteger(count) && count >= 1 && count <= MAX_NODES && Number.isInteger(first) && first > 0) {
      return { count, port: first, dir: resolve(dir) };
    }
  } catch {}
  return fail(`usage: npm run cluster -- [--nodes 1…${MAX_NODES}] [--port 4000] [--dir data/cluster]`);
}

function demand(program: string): void {
  if (spawnSync(program, ['-v'], { stdio: 'ignore' }).error) {
    fail(`${program} is not installed (Debian: apt-get install ${program}): npm run cluster needs it`);
  }
}

async function ready(url: string): Promise<boolean> {
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  while (Date.now() < giveUpAt) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined);
    if (answer?.ok) return true;
    await new Promise((done) => setTimeout(done, 100));
  }
  return false;
}

const { count, port, dir } = readOptions();
if (existsSync('.env')) process.loadEnvFile('.env');
const ownRedisUrl = process.env.REDIS_URL;
for (const program of ['haproxy', ...(ownRedisUrl ? [] : ['redis-server'])]) demand(program);
mkdirSync(dir, { recursive: true });

const redisPort = port + MAX_NODES + 1;
const password = process.env.REDIS_PASSWORD ?? '';
const redisUrl = ownRedisUrl || `redis://${password && `:${password}@`}127.0.0.1:${redisPort}`;
const nodePorts = Array.from({ length: count }, (_, at) => port + at + 1);
const nodes = nodePrograms(nodePorts, redisUrl);
const supervisor = new Supervisor(dir, say);
let isStopping = false;

async function stop(signal: NodeJS.Signals, exitCode: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  await supervisor.stop(
    nodes.map(({ name }) => name),
    signal,
  );
  await supervisor.stop(['haproxy', 'redis'], 'SIGTERM');
  process.exit(exitCode);
}

process.on('SIGTERM', () => stop('SIGTERM', 0));
// Somebody at a terminal does not want to wait.
process.on('SIGINT', () => stop('SIGINT', 0));

if (!ownRedisUrl) supervisor.start(redisProgram(redisPort, dir, password));
for (const node of nodes) supervisor.start(node);
supervisor.start(haproxyProgram(port, nodePorts));
if (!(await ready(`http://127.0.0.1:${port}`)) && !isStopping) {
  process.stderr.write(`not ready within ${READY_WITHIN_MS / 1_000} s; the logs are in ${dir}\n`);
  await stop('SIGINT', 1);
}
if (!isStopping) {
  say(`Aerie listens on http://127.0.0.1:${port} (haproxy, process ${supervisor.pid('haproxy')})`);
  for (const [at, { name }] of nodes.entries()) {
    say(`  ${name}: http://127.0.0.1:${nodePorts[at]} (process ${supervisor.pid(name)})`);
  }
  if (!ownRedisUrl) say(`  redis: 127.0.0.1:${redisPort} (process ${supervisor.pid('redis')})`);
  const said = saidTokens(
    dir,
    nodes.map(({ name }) => name),
  );
  const isGood = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${port}/api/me`, { headers }).catch(() => undefined))?.ok === true;
  };
  for (const line of await adminTokenLines(Boolean(process.env.ADMIN_TOKEN), said, isGood)) say(line);
  say(`Logs and data are in ${dir}. Ctrl-C ends it.`);
}
