import { type Store, StoreUnavailable } from '../../../server/store/port.ts';

/** A store whose process is gone at a commit: before it takes effect, or after. Nothing gets through later. */
export function dyingStore(store: Store, diesAt: number, when: 'before' | 'after'): Store {
  let commits = 0;
  const gone = () => new StoreUnavailable('the process is gone');
  return {
    ...store,
    async commit(...change) {
      const at = commits++;
      if (at > diesAt || (at === diesAt && when === 'before')) throw gone();
      const result = await store.commit(...change);
      if (at === diesAt) throw gone();
      return result;
    },
  };
}
