import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../deploy/node_flags.ts';
import type { Contestant } from '../scenario.ts';
import { deploy } from './start.ts';

const MAIN = fileURLToPath(new URL('../../dist/platform/main.js', import.meta.url));
/** No client is told to wait: what is asked is what the server can do. */
const UNLIMITED = {
  RATE_LIMIT: '0',
  BYTE_RATE_LIMIT: '0',
  HTTP_RATE_LIMIT: '0',
  MAX_SOCKETS_PER_AGENT: '100000',
  LOG_LEVEL: 'error',
  ORBIT_PORT: '0',
  DRAIN_MS: '0',
};

interface Kind {
  readonly nodes?: number;
  /** The store; Redis flushes each write before it is answered. */
  readonly store: 'embedded' | 'Redis';
  readonly env?: NodeJS.ProcessEnv;
}

/** Aerie as `npm start` starts it. */
export function platform(name: string, { nodes = 1, store, env = {} }: Kind): Contestant {
  return {
    name,
    async start(cores) {
      if (!existsSync(MAIN)) throw new Error('There is no build: npm run build');
      const folder = await mkdtemp(join(tmpdir(), 'bench-data-'));
      const [adminToken, networkId] = [randomBytes(32).toString('base64url'), `bench-${randomUUID()}`];
      const common = { ...UNLIMITED, ...env, ADMIN_TOKEN: adminToken, NETWORK_ID: networkId };
      const removed = () => rm(folder, { recursive: true, force: true });
      try {
        const deployment = await deploy(cores, {
          nodes,
          redis: store === 'Redis' ? 'durable' : undefined,
          command: [process.execPath, ...NODE_FLAGS, MAIN],
          envOf: (redisUrl) => ({
            ...common,
            ...(redisUrl === undefined ? { DATA_DIR: folder } : { REDIS_URL: redisUrl }),
            NODE_ID: randomUUID(),
          }),
          isReady: async (port) => (await fetch(`http://127.0.0.1:${port}/ready`)).ok,
          subject: { wire: 'phoenix', adminToken, networkId },
        });
        return { ...deployment, stop: () => deployment.stop().finally(removed) };
      } catch (error) {
        await removed();
        throw error;
      }
    },
  };
}

export const embedded = (): Contestant => platform('Aerie, embedded store', { store: 'embedded' });
export const onRedis = (): Contestant => platform('Aerie on Redis', { store: 'Redis' });
