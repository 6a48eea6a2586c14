import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundled, compileCache } from './bundled.ts';
import { signingKeys } from './signing.ts';
import { spawn } from './spawn.ts';

export const ADMIN_TOKEN = 'the-operator-of-a-spec-has-this-token';

export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed if it is JSON, else text. */
  readonly body: Body;
}

export interface Aerie {
  readonly url: string;
  readonly pid: number;
  /** Output so far: its log, and its messages to people. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  call<Body>(method: string, path: string, credential?: string, body?: unknown): Promise<Answer<Body>>;
  /** Resolves to the exit code, `null` if a signal ended it. */
  readonly exit: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL if that does not do. */
  stop(): Promise<void>;
}

/** The address that clients use: of a node, or of a proxy before several. */
export type Address = Pick<Aerie, 'url' | 'call'>;

export const addressOf = (url: string): Address => ({
  url,
  call: (method, path, credential, body) => call(url, method, path, credential, body),
});

const MAIN = 'dist/platform/main.js';

/**
 * Starts a server from the build, on a free port unless told; resolves when it listens.
 *
 * @param main another program that is one, with something that a spec needs beside
 */
export async function startAerie(env: Record<string, string> = {}, main = MAIN): Promise<Aerie> {
  return running(spawn(process.execPath, [bundled(main)], { env: envOf(env), stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** As `startAerie`, with a folder of its own that goes when the server is stopped. */
export async function startAerieInFolder(env: Record<string, string> = {}): Promise<Aerie> {
  const place = await folder();
  const aerie = await startAerie({ ...place.env, ...env });
  return {
    ...aerie,
    async stop() {
      await aerie.stop();
      await place.remove();
    },
  };
}

export interface ClockedAerie extends Aerie {
  /** Lets time pass at once, for this server alone; resolves when what was due in it has been started. */
  pass(ms: number): Promise<void>;
}

/** By folder: how far the clock of its server has been moved. What it has stored is of that time. */
const passedMs = new Map<string, number>();

/**
 * As `startAerie`, on the embedded store, with clocks and timers that a spec can move on: Redis has a clock of its own. They
 * go on from where they were moved to when a server starts in the same folder again.
 */
export async function startClockedAerie(env: Record<string, string>): Promise<ClockedAerie> {
  const { DATA_DIR: dir = '' } = env;
  const child = spawn(process.execPath, ['--import', './spec/support/moved_clock.mjs', bundled(MAIN)], {
    env: { ...envOf(env), SPEC_PASSED_MS: `${passedMs.get(dir) ?? 0}` },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const aerie = await running(child);
  return {
    ...aerie,
    async pass(ms) {
      passedMs.set(dir, (passedMs.get(dir) ?? 0) + ms);
      child.send({ passMs: ms });
      await once(child, 'message');
    },
  };
}

const envOf = (env: Record<string, string>) => ({
  PATH: process.env.PATH,
  PORT: '0',
  ORBIT_PORT: '0',
  DRAIN_MS: '0',
  NODE_COMPILE_CACHE: compileCache(),
  ADMIN_TOKEN,
  ...env,
});

async function running(child: ChildProcess): Promise<Aerie> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data) => {
    stdout += data;
  });
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const url = await listening(
    child,
    () => stdout,
    () => stderr,
  );
  return {
    ...addressOf(url),
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    signal: (name) => void child.kill(name),
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exit;
      clearTimeout(late);
    },
  };
}

function listening(child: ChildProcess, stdout: () => string, stderr: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const port = /"port":(\d+)/.exec(stdout())?.[1];
      if (port) resolve(`${stderr().includes('https://') ? 'https' : 'http'}://127.0.0.1:${port}`);
    };
    child.stdout?.on('data', look);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${stderr()}`)));
  });
}

async function call<Body>(
  url: string,
  method: string,
  path: string,
  credential?: string,
  body?: unknown,
): Promise<Answer<Body>> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text) as Body };
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The place where a deployment keeps its state: a folder, or a Redis. */
export interface Place {
  readonly env: Record<string, string>;
  remove(): Promise<void>;
}

export async function folder(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'aerie-data-'));
  return { env: { DATA_DIR: dir }, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** A deployment of its own in a Redis that others use too. */
export function onRedis(url: string): Place {
  return { env: { REDIS_URL: url, NETWORK_ID: `spec-${randomUUID()}` }, remove: async () => {} };
}

export interface TestAgent {
  readonly id: string;
  readonly apiKey: string;
  readonly keyId: string;
  readonly secretKey: Uint8Array;
}

export async function registerAgent(aerie: Address, fields: object = {}): Promise<TestAgent> {
  const { publicKey, secretKey } = signingKeys();
  const answer = await aerie.call<{ agent: { id: string }; api_key: string; key_id: string }>(
    'POST',
    '/api/agents',
    ADMIN_TOKEN,
    { name: 'Ada', public_key: publicKey, ...fields },
  );
  if (answer.status !== 201) throw new Error(`no agent: ${JSON.stringify(answer)}`);
  const { agent, api_key: apiKey, key_id: keyId } = answer.body;
  return { id: agent.id, apiKey, keyId, secretKey };
}
