import type { EmbeddedOptions } from './embedded.ts';
import type { Store } from './port.ts';

/** Stores for aggregates, embedded or on Redis. Importing this loads no native code. */
export { type CommitListener, Commits, LATENCY_BOUNDS, measured, type StoreStats } from './measured.ts';
export {
  type AggregateId,
  type Change,
  type CommitResult,
  type Due,
  type IndexEntry,
  type IndexHit,
  type IndexQuery,
  type LoggedFact,
  type Placed,
  type Snapshot,
  type Store,
  StoreReadOnly,
  StoreUnavailable,
  type StreamChange,
  type StreamEntry,
  type Version,
} from './port.ts';
export { type Probed, writeProbe } from './write_probe.ts';

/** Opens the store in this process (LMDB). @throws Error with a message of one line if the folder cannot be used */
export async function openEmbeddedStore(options: EmbeddedOptions): Promise<Store> {
  const embedded = await import('./embedded.ts');
  return embedded.openEmbeddedStore(options);
}
