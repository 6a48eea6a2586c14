import type { Change, Store } from '../../../server/store/port.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** A second handle on the same data, as another node has; the same one where only one process may have it. */
  readonly peer: Store;
  /** Closes both and leaves nothing behind. */
  discard(): Promise<void>;
  /** True if it lies on several masters, as a Redis Cluster does: what is written beside an aggregate follows on it. */
  readonly isSpread?: boolean;
}

export type Opened = () => StoreUnderTest;

let made = 0;
/** A name that no other example of this run uses. */
export const fresh = (word: string) => `${word}${++made}`;
export const freshAggregate = () => ({ kind: 'task', id: fresh('t') });

/** Commits changes one after the other; each must win. */
export async function committed(store: Store, aggregate: { kind: string; id: string }, ...changes: Change[]) {
  let { version } = await store.read(aggregate);
  for (const change of changes) {
    expect(await store.commit(aggregate, version, change)).toMatchObject({ ok: true, version: version + 1 });
    version += 1;
  }
  return version;
}
