import { type Store, StoreUnavailable } from '../../server/store/index.ts';

const lease = { kind: 'layout', id: 'lease' };

/** Time after which a node that computes and does not say so any more is replaced. */
export const LEASE_MS = 5_000;

export interface ComputeLeaseOptions {
  readonly store: Pick<Store, 'read' | 'commit'>;
  /** This node's name, unique over all nodes and times. */
  readonly self: () => string;
  /** False for a node that is known to be gone. */
  readonly isLive: (holder: string) => boolean;
}

/** Which node computes: one at a time, by the store's clock. */
export class ComputeLease {
  readonly #options: ComputeLeaseOptions;

  constructor(options: ComputeLeaseOptions) {
    this.#options = options;
  }

  /**
   * Takes the lease, or renews it.
   *
   * @returns the epoch if it is this node's for the next `LEASE_MS`: it grows with each that takes over. `other`: another node has it.
   *          `unknown`: the store is out of reach, or somebody else has tried at the same moment
   */
  async take(): Promise<number | 'other' | 'unknown'> {
    const { store, self, isLive } = this.#options;
    const me = self();
    try {
      const { version, fields, nowMs } = await store.read(lease);
      const { holder = '', untilMs = '0', epoch = '0' } = fields;
      const isOwn = holder === me;
      if (!isOwn && nowMs < Number(untilMs) && isLive(holder)) return 'other';
      const next = isOwn && nowMs < Number(untilMs) ? Number(epoch) : Number(epoch) + 1;
      const taken = { holder: me, untilMs: String(nowMs + LEASE_MS), epoch: String(next) };
      return (await store.commit(lease, version, { fields: taken })).ok ? next : 'unknown';
    } catch (error) {
      if (error instanceof StoreUnavailable) return 'unknown';
      throw error;
    }
  }

  /** Gives it back, so that another node need not wait. */
  async release(): Promise<void> {
    const { store, self } = this.#options;
    try {
      const { version, fields } = await store.read(lease);
      if (fields.holder === self()) await store.commit(lease, version, { fields: { untilMs: '0' } });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}
