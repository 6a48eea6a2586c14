import { AerieError } from './error.ts';
import type { Keep } from './keep.ts';

const STORE = 'keep';

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * A keep in the browser. Tabs with the same one share what is kept, and Web Locks keep them apart: what one tab serves another one
 * serves once the first is gone.
 *
 * @throws AerieError `unsupported` where the platform has no IndexedDB or no Web Locks (a page that is not secure)
 */
export function indexedDb(name: string): Keep {
  if (typeof indexedDB === 'undefined' || !globalThis.navigator?.locks) {
    throw new AerieError('unsupported', {
      message: 'indexedDb() needs IndexedDB and Web Locks: a secure page in a browser.',
    });
  }
  let opened: Promise<IDBDatabase> | undefined;
  const open = () => {
    if (opened) return opened;
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    opened = done(request);
    return opened;
  };

  async function reading<T>(run: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return done(run((await open()).transaction(STORE).objectStore(STORE)));
  }

  async function writing(run: (store: IDBObjectStore) => void): Promise<void> {
    const transaction = (await open()).transaction(STORE, 'readwrite', { durability: 'strict' });
    run(transaction.objectStore(STORE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }

  return {
    get: (key) => reading((store) => store.get(key)),
    set: (key, value) => writing((store) => store.put(value, key)),
    delete: (key) => writing((store) => store.delete(key)),
    list: async (prefix) =>
      (await reading((store) => store.getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`)))) as string[],
    lock: async (lock, run) => navigator.locks.request(`${name}:${lock}`, run),
    async close() {
      (await opened)?.close();
      opened = undefined;
    },
  };
}
