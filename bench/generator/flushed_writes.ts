import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';

/** Writes of `bytes` that LMDB can flush in a second, `inFlight` at once, with nothing around it. */
export async function flushedWritesPerSecond(bytes: number, inFlight: number, seconds: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-lmdb-'));
  const database = open<string, number>({ path: join(folder, 'data') });
  const value = 'x'.repeat(bytes);
  const startedAt = performance.now();
  let done = 0;
  const writer = async () => {
    while (performance.now() - startedAt < seconds * 1_000) {
      await database.put(done++, value);
      await database.flushed;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
  const perSecond = done / ((performance.now() - startedAt) / 1_000);
  await database.close();
  await rm(folder, { recursive: true, force: true });
  return perSecond;
}
