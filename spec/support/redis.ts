import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free_port.ts';
import { spawn } from './spawn.ts';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** SIGKILL: what was acknowledged under `appendfsync everysec` may be lost. */
  kill(): Promise<void>;
  /** Starts again on the same port with the same data. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

/**
 * The Redis that specs share: `REDIS_URL`, which the test command has set. Specs keep apart by their own `networkId`.
 */
export function sharedRedisUrl(): string {
  const url = process.env.REDIS_URL;
  if (!url) throw new Error('REDIS_URL is not set: run `npm test`, or start a redis-server and set it');
  return url;
}

/** A redis-server of this spec's own, with the persistence of the Compose stack, for specs that stop it. */
export async function ownRedis(): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'aerie-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start() {
    const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
    child = spawn('redis-server', [...settings, '--appendonly', 'yes', '--appendfsync', 'everysec'], {
      stdio: 'ignore',
    });
    await answers(port);
  }

  async function kill() {
    const ended = child;
    child = undefined;
    if (!ended || ended.exitCode !== null) return;
    const exit = new Promise((resolve) => ended.once('exit', resolve));
    ended.kill('SIGCONT');
    ended.kill('SIGKILL');
    await exit;
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function answers(port: number) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const pong = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString().startsWith('+PONG'));
      });
      socket.once('error', () => resolve(false));
    });
    if (pong) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`redis-server on port ${port} did not answer within 5 s`);
}
