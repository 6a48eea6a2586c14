import type { Store } from '../../server/store/index.ts';

/** The store's clock, as far as a node knows it without asking: for times in what it tells. */
export class StoreClock {
  readonly #store: Pick<Store, 'nowMs'>;
  #aheadMs = 0;

  constructor(store: Pick<Store, 'nowMs'>) {
    this.#store = store;
  }

  /** Looks again. @throws StoreUnavailable */
  async sync(): Promise<void> {
    const beforeMs = Date.now();
    const storeMs = await this.#store.nowMs();
    this.#aheadMs = storeMs - (beforeMs + Date.now()) / 2;
  }

  nowMs(): number {
    return Math.round(Date.now() + this.#aheadMs);
  }
}
