import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { spawn } from './spawn.ts';

/** A redis-server of some kind, on loopback, in a folder of its own that goes with it. */
export class RedisProcess {
  readonly port: number;
  readonly #dir: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, dir: string, args: readonly string[]) {
    this.port = port;
    this.#dir = dir;
    this.#args = args;
  }

  /** @param config lines of a file that it may write to, as a sentinel does; without them it has none */
  static async start(port: number, args: readonly string[], config?: string): Promise<RedisProcess> {
    const dir = await mkdtemp(join(tmpdir(), 'aerie-redis-'));
    const file = join(dir, 'redis.conf');
    if (config !== undefined) await writeFile(file, config);
    const places = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir];
    const redis = new RedisProcess(port, dir, [...(config === undefined ? [] : [file]), ...places, ...args]);
    await redis.start();
    return redis;
  }

  async start(): Promise<void> {
    this.#child = spawn('redis-server', [...this.#args], { stdio: 'ignore' });
    await eventually(() => this.ask('PING'), 10_000);
  }

  /** One command on a connection of its own. */
  async ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const redis = new Redis(this.port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => {});
    try {
      await redis.connect();
      return await redis.call(command, ...args);
    } finally {
      redis.disconnect();
    }
  }

  pause = (): void => void this.#child?.kill('SIGSTOP');
  resume = (): void => void this.#child?.kill('SIGCONT');

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
