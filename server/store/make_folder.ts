import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder, for this user alone, and those above it that are missing. One that is there stays as it is.
 *
 * Not `mkdir` with `recursive`: Node's never comes back where a file system says ENOENT below a folder that is there, as
 * /proc does.
 *
 * @throws Error with the system's code
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path);
  const error = await made(folder);
  if (error === undefined) return;
  const parent = dirname(folder);
  if (error.code !== 'ENOENT' || parent === folder) throw error;
  // Where the parent is there by now, somebody else has made it meanwhile.
  if (!(await isFolder(parent))) await makeFolder(parent);
  const secondError = await made(folder);
  if (secondError) throw secondError;
}

async function made(folder: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return undefined;
  } catch (error) {
    return (await isFolder(folder)) ? undefined : (error as NodeJS.ErrnoException);
  }
}

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
