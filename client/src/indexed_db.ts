import { AerieError } from './error.ts';
import type { Keep } from './keep.ts';

const STORE = 'keep';

/**
 * A keep in the browser. Tabs with the same one share what is kept, and Web Locks keep them apart: what one tab serves another one
 * serves once the first is gone.
 *
 * @throws AerieError `unsupported` where the platform has no IndexedDB or no Web Locks (a page that is not secure)
 */
export function indexedDb(name: string): Keep {
  if (typeof indexedDB === 'undefined' || !globalThis.navigator?.locks) {
    throw new AerieError('unsupported', { message: 'indexedDb() needs a secure page.' });
  }
  let opened: Promise<IDBDatabase> | undefined;
  const open = () =>
    new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  /** Resolves when it is durable. */
  async function run<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    opened ??= open();
    const transaction = (await opened).transaction(STORE, mode, { durability: 'strict' });
    const request = ask(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  }

  return {
    get: (key) => run('readonly', (store) => store.get(key)),
    set: async (key, value) => void (await run('readwrite', (store) => store.put(value, key))),
    delete: (key) => run('readwrite', (store) => store.delete(key)),
    list: (prefix) =>
      run(
        'readonly',
        (store) => store.getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`)) as IDBRequest<string[]>,
      ),
    lock: async (lock, run) => navigator.locks.request(`${name}:${lock}`, run),
    async close() {
      (await opened)?.close();
      opened = undefined;
    },
  };
}
