import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, untilReady } from '../machine/child.ts';
import type { Cores } from '../machine/cores.ts';
import { freePort, isListening } from '../machine/port.ts';

export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * @param durable flushes each write before it is answered; else nothing is kept
 * @throws Error with what it has said, if it does not start
 */
export async function startRedis(cores: Cores, { durable }: { readonly durable: boolean }): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-redis-'));
  const port = await freePort();
  const kept = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const places = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = startChild(cores.redis, ['redis-server', ...places, ...kept]);
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, () => isListening(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, pid: child.pid, stop };
}
