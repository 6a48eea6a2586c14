import { type Abortable, aborted, waitFor } from './abort.ts';
import { utf8 } from './bytes.ts';
import type { Connection } from './connection.ts';
import { deferred } from './deferred.ts';
import type { AerieError } from './error.ts';
import { newId } from './ids.ts';
import { read, write } from './keep.ts';
import { Sha256 } from './sha256.ts';

interface Made extends Abortable {
  /** The caller's own: then nothing is kept. */
  readonly id?: string | undefined;
}

/**
 * Makes something under an id that is kept until it is known what became of the call (CLIENT.md, section 11.3). The same call again, also
 * by a process after this one, goes on under that id, so that nothing is made twice. The same call at the same time makes another thing,
 * once this one is answered.
 *
 * @param fields all that tells the call from others
 */
export async function once<T>(
  { keep }: Connection,
  { id, signal }: Made,
  fields: object,
  call: (id: string) => Promise<T>,
): Promise<T> {
  if (id !== undefined) return call(id);
  const key = `call:${new Sha256().update(utf8(JSON.stringify(fields))).hex()}`;
  const turn = deferred<void>();
  const made = keep.lock(key, async () => {
    turn.resolve();
    if (signal?.aborted) throw aborted(signal, 'none');
    const kept = (await read<string>(keep, key)) ?? newId();
    await write(keep, key, kept);
    const answer = await call(kept).catch(async (error: AerieError) => {
      if (error.outcome === 'none') await keep.delete(key);
      throw error;
    });
    await keep.delete(key);
    return answer;
  });
  made.catch(() => {});
  await waitFor(turn.promise, signal, 'none');
  return made;
}
