import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from './free_port.ts';
import { spawn } from './spawn.ts';

export interface RoomServer {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  /** Ends the process; rejects when it had died before. */
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The built room server on a free port; or, with `ROOM_URL` set, whatever listens there. */
export async function roomServer(): Promise<RoomServer> {
  const given = process.env.ROOM_URL;
  if (given) return { url: given.replace(/\/+$/, ''), stop: async () => {} };

  const port = await freePort();
  const child = spawn(process.execPath, ['dist/examples/room/main.js', '--port', `${port}`], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const keep = (data: Buffer) => {
    said = (said + data.toString()).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await ready(child, () => said);

  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const died = child.exitCode ?? child.signalCode;
      if (died !== null) throw new Error(`the room server died (${died}):\n${said}`);
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await exit;
      clearTimeout(late);
    },
  };
}

/** Starts the room server before the specs of a file and stops it after them. */
export function useRoom(): { readonly url: string } {
  let server: RoomServer | undefined;
  beforeAll(async () => {
    server = await roomServer();
  });
  afterAll(() => server?.stop());
  return {
    get url() {
      if (!server) throw new Error('the room server is there from beforeAll on');
      return server.url;
    },
  };
}

function ready(child: ChildProcess, said: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`the room server ${why} (is it built? npm run build):\n${said()}`));
    };
    const late = setTimeout(() => fail('was not ready within 10 s'), 10_000);
    child.once('exit', (code) => {
      clearTimeout(late);
      fail(`ended with ${code} before it was ready`);
    });
    child.stdout?.on('data', () => {
      if (!/^ready$/m.test(said())) return;
      clearTimeout(late);
      child.removeAllListeners('exit');
      resolve();
    });
  });
}
