import { StoreReadOnly } from './port.ts';

/** One write serves all who ask within this time, so that many questions cause few writes. */
const SHARED_FOR_MS = 1_000;

export type Probed = { readonly writable: true } | { readonly writable: false; readonly why: string };

/**
 * Finds out by writing whether a store takes writes. However many ask, one write is under way at a time, and at most one
 * a second begins.
 *
 * @param probe as `Store.probe`
 * @returns a question; it rejects while the store is out of reach
 */
export function writeProbe(probe: () => Promise<void>, nowMs = () => performance.now()): () => Promise<Probed> {
  let latest: Promise<Probed> | undefined;
  let isUnderWay = false;
  let beganAtMs = 0;

  async function write(): Promise<Probed> {
    try {
      await probe();
      return { writable: true };
    } catch (error) {
      if (error instanceof StoreReadOnly) return { writable: false, why: error.why };
      throw error;
    } finally {
      isUnderWay = false;
    }
  }

  return () => {
    if (latest && (isUnderWay || nowMs() - beganAtMs < SHARED_FOR_MS)) return latest;
    isUnderWay = true;
    beganAtMs = nowMs();
    latest = write();
    return latest;
  };
}
