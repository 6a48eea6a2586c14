import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecrets } from '../channels/principals/secrets.ts';
import { type Log, silentLog } from '../server/index.ts';
import { openBackend } from './backend.ts';
import { readConfig } from './config.ts';
import { startNode } from './node.ts';

export interface TestServerOptions {
  /** Variables as the server reads them, beside those that are set here: address, folder, credentials. */
  readonly env?: Readonly<Record<string, string>>;
  /** Left out: nothing is written. */
  readonly log?: Log;
}

/** A whole server in this process, alone and empty. */
export interface TestServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The operator's credential. */
  readonly adminToken: string;
  /**
   * Moves the clock on. Resolves when everything that is due by then was handled: deadlines, expiries, ends of challenge
   * periods. It is the store's clock, by which all goes that is kept; silence, pings and rates go by the machine's.
   *
   * @throws RangeError for less than 0: a clock does not go back
   */
  advance(ms: number): Promise<void>;
  /** Closes every socket, and removes what was stored. */
  stop(): Promise<void>;
}

/**
 * Starts the whole server in this process on a free port, with the embedded store in a folder that is removed at the end:
 * for specs of programs that talk to it.
 *
 * @example
 * const server = await startTestServer();
 * await fetch(`${server.url}/api/agents`, { method: 'POST', headers: { authorization: `Bearer ${server.adminToken}` }, … });
 * await server.advance(30 * 60_000); // a negotiation that was opened expires
 * await server.stop();
 */
export async function startTestServer({ env = {}, log = silentLog }: TestServerOptions = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'aerie-test-'));
  const adminToken = randomBytes(32).toString('base64url');
  const own = { HOST: '127.0.0.1', PORT: '0', DATA_DIR: dataDir, ADMIN_TOKEN: adminToken };
  const config = readConfig({ ORBIT_PORT: '0', ...env, ...own });
  let aheadMs = 0;
  const nowMs = () => Date.now() + aheadMs;
  const backend = await openBackend({ ...config, redisUrl: undefined }, log, () => {}, { nowMs });
  const secrets = await readSecrets(backend.store, config);
  const node = await startNode({ config, backend, secrets, log });
  return {
    url: `http://127.0.0.1:${node.port}`,
    adminToken,
    async advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`advance(${ms}): expected 0 or more milliseconds`);
      aheadMs += ms;
      await node.handleDue();
    },
    async stop() {
      await node.stop(0);
      await rm(dataDir, { recursive: true });
    },
  };
}
