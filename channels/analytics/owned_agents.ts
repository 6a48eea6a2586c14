import type { Store } from '../../server/store/index.ts';
import { untilDone } from '../kernel/attempts.ts';

const KIND = 'analytics_user';
const AGENT_FIELD = 'agent:';

/** By agent: whether the user owns it from now on. */
export type OwnerChanges = Map<string, boolean>;

/** Keeps the agents that each user owns. */
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
    const names = [...changes.keys()].map((id) => AGENT_FIELD + id);
    await untilDone(`agents of user ${userId}`, async () => {
      const { version, fields } = await this.#store.read(aggregate, names);
      const changed = [...changes].filter(([id, isOwned]) => Object.hasOwn(fields, AGENT_FIELD + id) !== isOwned);
      if (changed.length === 0) return true;
      const after = Object.fromEntries(changed.map(([id, isOwned]) => [AGENT_FIELD + id, isOwned ? '1' : null]));
      return (await this.#store.commit(aggregate, version, { fields: after })).ok || undefined;
    });
  }
}
