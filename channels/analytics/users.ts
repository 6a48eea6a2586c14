import { type Store, StoreUnavailable } from '../../server/store/port.ts';

const KIND = 'analytics_user';
const AGENT_FIELD = 'agent:';
const MAX_ATTEMPTS = 50;

/** Which agents a user owns: they never change hands. */
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
  async add(userId: string, agentIds: readonly string[]): Promise<void> {
    const aggregate = { kind: KIND, id: userId };
    const added = Object.fromEntries(agentIds.map((id) => [AGENT_FIELD + id, '1']));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { version, fields } = await this.#store.read(aggregate, Object.keys(added));
      if (Object.keys(fields).length === agentIds.length) return;
      const committed = await this.#store.commit(aggregate, version, { fields: added });
      if (committed.ok) return;
    }
    throw new StoreUnavailable(`${MAX_ATTEMPTS} conflicts on the agents of ${userId}`);
  }
}
