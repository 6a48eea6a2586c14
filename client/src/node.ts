import { type FileHandle, mkdir, open as openFile, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { InTurn } from './in_turn.ts';
import { type Keep, localLocks } from './keep.ts';
import { claimFolder } from './node/claim.ts';

/** In the folder: one line for each `set` and `delete`. */
const JOURNAL = 'journal.jsonl';

type Line = readonly [key: string, value: string | null];

/**
 * A keep in a folder, for Node.js, Deno and Bun. Everything is written to one journal, whole lines, and on the disk (fsync) before `set`
 * resolves; what a crash has cut off is dropped. At the next start the journal is written anew, in one step.
 *
 * @throws AerieError, from every method: `keep_in_use` while another process uses the folder
 */
export function file(dir: string): Keep {
  let opened: Promise<Journal> | undefined;
  const journal = () => {
    opened ??= Journal.open(dir).catch((error) => {
      // Whoever asks later may find it free.
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    get: async (key) => (await journal()).kept.get(key),
    set: async (key, value) => (await journal()).write(key, value),
    delete: async (key) => (await journal()).write(key, null),
    list: async (prefix) => [...(await journal()).kept.keys()].filter((key) => key.startsWith(prefix)),
    lock: localLocks(),
    async close() {
      await (await opened)?.close();
      opened = undefined;
    },
  };
}

class Journal {
  readonly kept: Map<string, string>;
  readonly #file: FileHandle;
  readonly #release: () => void;
  readonly #turn = new InTurn();
  #lines: string[] = [];
  #written: Promise<void> | undefined;
  /** Why a write has failed: what it left may end within a line, so that nothing may follow it. */
  #failure: unknown;

  private constructor(kept: Map<string, string>, handle: FileHandle, release: () => void) {
    this.kept = kept;
    this.#file = handle;
    this.#release = release;
  }

  static async open(dir: string): Promise<Journal> {
    await mkdir(dir, { recursive: true });
    const release = await claimFolder(dir);
    try {
      const path = join(dir, JOURNAL);
      const kept = parse(await readFile(path, 'utf8').catch(ifMissing));
      await replace(dir, path, [...kept].map(lineOf).join(''));
      return new Journal(kept, await openFile(path, 'a'), release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Writes that come while others are being written go to the disk together. Once one has failed, all fail. */
  write(key: string, value: string | null): Promise<void> {
    if (value === null) this.kept.delete(key);
    else this.kept.set(key, value);
    this.#lines.push(lineOf([key, value]));
    this.#written ??= this.#turn.run(async () => {
      this.#written = undefined;
      const lines = this.#lines.splice(0).join('');
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await this.#file.appendFile(lines);
        await this.#file.datasync();
      } catch (error) {
        this.#failure = error;
        throw error;
      }
    });
    return this.#written;
  }

  async close(): Promise<void> {
    await this.#turn.run(() => this.#file.close());
    this.#release();
  }
}

const lineOf = (line: Line) => `${JSON.stringify(line)}\n`;

function parse(text: string): Map<string, string> {
  const kept = new Map<string, string>();
  // What comes behind the last line end was being written when the process ended.
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (line === '') continue;
    const [key, value] = JSON.parse(line) as Line;
    if (value === null) kept.delete(key);
    else kept.set(key, value);
  }
  return kept;
}

function ifMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

/** Replaces a file in one step, durably. */
async function replace(dir: string, path: string, text: string): Promise<void> {
  const next = `${path}.next`;
  const handle = await openFile(next, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, path);
  const folder = await openFile(dir, 'r').catch(() => undefined);
  // Windows has no fsync for folders, and needs none.
  await folder?.sync().catch(() => {});
  await folder?.close();
}
