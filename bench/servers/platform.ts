import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { untilReady } from '../machine/child.ts';
import type { Contestant } from '../scenario.ts';
import { startRedis } from './redis.ts';
import { startServer } from './start.ts';

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
      const redis = store === 'Redis' ? await startRedis(cores, { durable: true }) : undefined;
      const folder = await mkdtemp(join(tmpdir(), 'bench-data-'));
      const [adminToken, networkId] = [randomBytes(32).toString('base64url'), `bench-${randomUUID()}`];
      const place = redis ? { REDIS_URL: redis.url } : { DATA_DIR: folder };
      const common = { ...UNLIMITED, ...place, ...env, ADMIN_TOKEN: adminToken, NETWORK_ID: networkId };
      const started = await Promise.all(
        Array.from({ length: nodes }, async () => {
          const node = await startServer(cores, [process.execPath, MAIN], { ...common, NODE_ID: randomUUID() });
          await untilReady(node.child, async () => (await fetch(`http://127.0.0.1:${node.port}/ready`)).ok);
          return node;
        }),
      );
      return {
        subject: {
          wire: 'phoenix',
          nodes: started.map(({ port, child }) => ({ port, pid: child.pid })),
          adminToken,
          networkId,
          ...(redis && { redisPid: redis.pid }),
        },
        async stop() {
          await Promise.all(started.map(({ child }) => child.stop()));
          await redis?.stop();
          await rm(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

export const embedded = (): Contestant => platform('Aerie, embedded store', { store: 'embedded' });
export const onRedis = (): Contestant => platform('Aerie on Redis', { store: 'Redis' });
