// First: what follows loads native parts.
import '../server/exit_on_unsupported_node.ts';

import { randomUUID } from 'node:crypto';
import { readSecrets } from '../channels/principals/secrets.ts';
import { Listener, version } from '../server/endpoint/index.ts';
import type { Log } from '../server/index.ts';
import { openBackend } from './backend.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { openLog } from './log_lines.ts';
import { type RunningNode, startNode } from './node.ts';
import { answerWhileStarting } from './starting.ts';

/** Time that shutdown may take, in addition to `DRAIN_MS`. */
const STOP_WITHIN_MS = 8_000;

async function start(config: Config, onStoreFailure: () => void): Promise<RunningNode> {
  const log = openLog(config);
  surviveFaults(log);
  // First of all: whoever asks how this process does gets an answer, however long the store takes.
  const listener = new Listener({ ...config, log }, answerWhileStarting({ ...config, version }));
  await listener.listen(config.host, config.port);
  const backend = await openBackend(config, log, onStoreFailure);
  const secrets = await readSecrets(backend.store, config);
  showAdminToken(secrets.madeAdminToken);
  const node = await startNode({ config, backend, secrets, log, listener });
  greet(config, node.port, backend.place);
  return node;
}

/** One process serves every socket: what has escaped every handler is logged, and all others go on. */
function surviveFaults(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => log.error({ err: error, incident: randomUUID() }, event));
  }
}

/** At once: it is kept as a digest, so that a start which fails later must have shown it. */
function showAdminToken(made: string | undefined): void {
  if (made === undefined) return;
  say('The operator’s credential, made now and shown this once:');
  say(`ADMIN_TOKEN=${made}`);
}

/** For the person who started it; machines read the log on stdout. */
function greet({ host, tls }: Config, port: number, place: string): void {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const url = `${tls ? 'https' : 'http'}://${name}:${port}`;
  say(`Aerie ${version} listens on ${url} with ${place}.`);
  say(`Next: register an agent with POST ${url}/api/agents, as README.md shows.`);
  say(`Agents at work are shown at ${url}/console.`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Explains an error: in one line if the operator can fix it; otherwise it is our fault, and the stack is shown. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ConfigError || !error.message.includes('\n')
    ? `Aerie cannot start: ${error.message}`
    : String(error.stack);
}

async function main(): Promise<void> {
  const config = readConfig(process.env, process.stdout.isTTY);
  let isEnding = false;
  let node: RunningNode | undefined;

  async function end(drainMs: number, exitCode: number): Promise<void> {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(1), drainMs + STOP_WITHIN_MS).unref();
    await node?.stop(drainMs).catch((error: unknown) => say(String(error)));
    process.exit(exitCode);
  }
  // Before the start: as the first process of a container it would ignore what it has no listener for.
  process.on('SIGTERM', () => end(config.drainMs, 0));
  // Somebody at a terminal does not want to wait.
  process.on('SIGINT', () => end(0, 0));
  node = await start(config, () => end(config.drainMs, 1));
}

main().catch((error: unknown) => {
  say(explain(error));
  process.exit(1);
});
