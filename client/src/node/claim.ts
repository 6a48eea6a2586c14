import { createHash, randomUUID } from 'node:crypto';
import { link, realpath, rename, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AerieError } from '../error.ts';

/** Longest path of a socket that every system takes, in bytes. */
const MAX_SOCKET_PATH = 100;

/**
 * Claims a folder for this process: by a socket that listens in it, which dies with the process, so that nobody is kept out by one that
 * was killed, as by a file with its number.
 *
 * @returns what lets go of it
 * @throws AerieError `keep_in_use`
 */
export async function claimFolder(dir: string): Promise<() => void> {
  const path = socketPath(await realpath(dir));
  for (let tries = 0; tries < 5; tries++) {
    const release = await listen(path);
    if (release) return release;
    if (await answers(path)) break;
    await dropStale(path);
  }
  throw new AerieError('keep_in_use', { details: { dir } });
}

function socketPath(dir: string): string {
  const name = `aerie-keep-${createHash('sha256').update(dir).digest('hex').slice(0, 24)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const inside = join(dir, 'in-use');
  return Buffer.byteLength(inside) <= MAX_SOCKET_PATH ? inside : join(tmpdir(), name);
}

/** @returns nothing where something is at that path already */
function listen(path: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => {
      server.unref();
      resolve(() => void server.close());
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Takes away the socket of a process that has ended; gives it back if somebody else has claimed the folder in that moment. */
async function dropStale(path: string): Promise<void> {
  const aside = `${path}-${randomUUID().slice(0, 8)}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if (await answers(aside)) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
