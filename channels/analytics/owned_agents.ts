import { type Store, StoreUnavailable } from '../../server/store/index.ts';

const KIND = 'analytics_user';
const AGENT_FIELD = 'agent:';
const MAX_ATTEMPTS = 50;

/** By agent: whether the user owns it from now on. */
export type OwnerChanges = Map<string, boolean>;

/** Which agents a user owns. */
export class OwnedAgents {
  readonly #store: Pick<Store, 'read' | 'commit'>;

  constructor(store: Pick<Store, 'read' | 'commit'>) {
    this.#store = store;
  }

  async of(userId: string): Promise<string[]> {
    const { fields } = await this.#store.read({ kind: KIND, id: userId });
    return Object.keys(fields).map((name) => name.slice(AGENT_FIELD.length));
  }

  /** Again changes nothing. */
  async change(userId: string, changes: OwnerChanges): Promise<void> {
    const aggregate = { kind: KIND, id: userId };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const names = [...changes.keys()].map((id) => AGENT_FIELD + id);
      const { version, fields } = await this.#store.read(aggregate, names);
      const changed = [...changes].filter(([id, isOwned]) => Object.hasOwn(fields, AGENT_FIELD + id) !== isOwned);
      if (changed.length === 0) return;
      const after = Object.fromEntries(changed.map(([id, isOwned]) => [AGENT_FIELD + id, isOwned ? '1' : null]));
      const committed = await this.#store.commit(aggregate, version, { fields: after });
      if (committed.ok) return;
    }
    throw new StoreUnavailable(`${MAX_ATTEMPTS} conflicts on the agents of ${userId}`);
  }
}
