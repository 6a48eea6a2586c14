import { fileURLToPath } from 'node:url';
import { type Child, startChild, untilReady } from '../machine/child.ts';
import type { Cores } from '../machine/cores.ts';
import { freePort, isListening } from '../machine/port.ts';
import type { Deployment, Subject } from '../scenario.ts';
import { startRedis } from './redis.ts';

/** Runs a source file of this folder as a program. */
export const sourceCommand = (file: string, from: string, flags: readonly string[] = []): string[] => [
  process.execPath,
  ...flags,
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL(file, from)),
];

export interface Plan {
  readonly nodes: number;
  readonly redis: 'durable' | 'volatile' | undefined;
  readonly command: readonly string[];
  /** Called for each node. */
  envOf(redisUrl: string | undefined): NodeJS.ProcessEnv;
  /** Left out: as soon as a node listens. */
  isReady?(port: number): Promise<boolean>;
  readonly subject: Pick<Subject, 'wire' | 'adminToken' | 'networkId'>;
}

/**
 * Starts nodes on free ports of the servers' core, and a Redis before them where one is wanted; resolves when all are ready.
 *
 * @throws Error with what the one that did not start has said; the others are stopped then
 */
export async function deploy(cores: Cores, plan: Plan): Promise<Deployment> {
  const redis = plan.redis && (await startRedis(cores, { durable: plan.redis === 'durable' }));
  const nodes: Child[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis?.stop();
  };
  const startNode = async () => {
    const port = await freePort();
    const env = { NODE_ENV: 'production', ...plan.envOf(redis?.url), PORT: `${port}` };
    const child = startChild(cores.server, plan.command, { env });
    nodes.push(child);
    await untilReady(child, () => plan.isReady?.(port) ?? isListening(port));
    return { port, pid: child.pid };
  };
  try {
    const started = await Promise.all(Array.from({ length: plan.nodes }, startNode));
    return {
      subject: { ...plan.subject, nodes: started, ...(redis && { redisPid: redis.pid }) },
      stderr: () => nodes.map((node) => node.stderr()).join(''),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
