import { createHash, randomBytes } from 'node:crypto';
import { readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make_folder.ts';

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const MAX_SOCKET_PATH_BYTES = 103;
const MARK = 'owner.';

/** Gives the folder up. */
export type Release = () => Promise<void>;

/**
 * Makes this process the only owner of `dir`, or throws.
 *
 * An owner listens on a socket with a name of its own in the folder. The kernel stops listening for a process that
 * ends, however it ends, so a socket that refuses is a dead owner's; no process id is kept that another process could
 * get. Who comes second announces itself first and looks around after, so of two that start at once at least one gives
 * way. A socket gets its mark only when it listens: seen before, it would count as dead.
 */
export async function ownAlone(dir: string): Promise<Release> {
  const path = await realpath(dir);
  const folder = await socketFolder(path);
  const name = randomBytes(6).toString('hex');
  const marked = join(folder, MARK + name);
  const server = await listen(join(folder, `start.${name}`));
  await rename(join(folder, `start.${name}`), marked);

  const release = async () => {
    await rm(marked, { force: true });
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (folder !== path) await rmdir(folder).catch(() => undefined);
  };
  const others = (await readdir(folder)).filter((file) => file.startsWith(MARK) && file !== MARK + name);
  for (const other of others) {
    if (await isAlive(join(folder, other))) {
      await release();
      throw new Error(`Another Aerie process is using ${dir}: stop it first, or set another DATA_DIR`);
    }
    await rm(join(folder, other), { force: true });
  }
  return release;
}

/** The folder itself, so that containers which share it see each other; for a long path one under the temp folder. */
async function socketFolder(path: string): Promise<string> {
  if (Buffer.byteLength(join(path, `${MARK}123456789012`)) <= MAX_SOCKET_PATH_BYTES) return path;
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `aerie-${hash}`);
  await makeFolder(folder);
  return folder;
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((asking) => asking.destroy());
    server.once('error', reject);
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Only a refused connection, or a missing file, proves that no process listens. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
