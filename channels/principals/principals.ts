import { newApiKey, newMoltzapKey, sha256Hex } from '../../crypto/secrets.ts';
import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, type Applied, type Placeable } from '../kernel/aggregate.ts';
import { newId } from '../kernel/ids.ts';
import { iso } from '../kernel/iso.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { AccountKind, RegisteredAccount } from './account.ts';
import type { Agent, Capability, ChangedBy } from './agent.ts';
import { ApiKeys } from './api_keys.ts';
import { accountType, agentType, PROFILE, profileAndKey } from './codec.ts';
import type {
  AccountCommand,
  AccountEvent,
  AgentCommand,
  AgentEvent,
  AgentPatch,
  CountTask,
  NewKey,
  RegistrationFields,
} from './decide.ts';
import { WireIds } from './wire_ids.ts';

export type Registered<S> = Created<S> | Repeated<S> | Refusal;

interface Created<S> {
  readonly ok: true;
  readonly repeated: false;
  readonly state: S;
  readonly keyId: string;
  /** The only time that it is shown. */
  readonly apiKey: string;
}

/** The same request came before; what it made may have changed since. */
interface Repeated<S> {
  readonly ok: true;
  readonly repeated: true;
  readonly state: S;
  readonly keyId: string;
}

export type CreatedKey = { readonly ok: true; readonly keyId: string; readonly apiKey: string } | Refusal;

/** A key on the wire. */
export interface KeyView {
  readonly key_id: string;
  readonly inserted_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** The principals of one kind and their keys. */
export class RegisteredAccounts<
  S extends RegisteredAccount = RegisteredAccount,
  C = AccountCommand<RegisteredAccount>,
  E extends { readonly type: string } = AccountEvent,
> {
  readonly kind: AccountKind;
  protected readonly aggregates: Aggregates<S, C | AccountCommand<S>, E>;
  readonly #apiKeys: ApiKeys;

  constructor(kind: AccountKind, store: Store, apiKeys: ApiKeys, type: AggregateType<S, C | AccountCommand<S>, E>) {
    this.kind = kind;
    this.aggregates = new Aggregates(store, type);
    this.#apiKeys = apiKeys;
  }

  read(id: string): Promise<S | undefined> {
    return this.aggregates.read(id);
  }

  /** As `read`, with one of its keys alone: the others, of which there may be many, are not read. */
  readWithKey(id: string, keyId: string): Promise<S | undefined> {
    return this.aggregates.read(id, profileAndKey(keyId));
  }

  /** In the order of `ids`. */
  readMany(ids: readonly string[]): Promise<(S | undefined)[]> {
    return this.aggregates.readMany(ids);
  }

  /** As `readMany`, without their keys, of which there may be many. */
  readProfiles(ids: readonly string[]): Promise<(S | undefined)[]> {
    return this.aggregates.readMany(ids, PROFILE);
  }

  /** For upkeep: see `Aggregates.placeAnew`. */
  get placeable(): Placeable {
    return this.aggregates;
  }

  /**
   * @param by who asks: `admin`, `user:u-1`. The same request of the same one finds what it made before
   * @param id made here if left out
   */
  async register(by: string, id: string | undefined, fields: RegistrationFields<S>): Promise<Registered<S>> {
    const registration = requestDigest(by, fields);
    // A repeat or a conflict makes no key: nothing is decided with it.
    const existing = id !== undefined && (await this.aggregates.read(id)) !== undefined;
    return existing
      ? this.#registerAgain(id, fields, registration)
      : this.#register(id ?? newId(), fields, registration);
  }

  /** @param isMoltzap in the spelling of the conversations' own clients; users have none */
  async createKey(id: string, isMoltzap = false): Promise<CreatedKey> {
    const spelt = isMoltzap && this.kind !== 'user' ? newMoltzapKey(this.kind) : undefined;
    const { key, apiKey, written } = this.#newKey(id, spelt);
    await written;
    const applied = await this.aggregates.apply(id, { type: 'add_key', key });
    return applied.ok ? { ok: true, keyId: key.id, apiKey } : applied;
  }

  /** Refuses `not_found` if it is revoked already. */
  revokeKey(id: string, keyId: string): Promise<Applied<S, E>> {
    return this.aggregates.apply(id, { type: 'revoke_key', keyId });
  }

  async listKeys({ keys }: Pick<RegisteredAccount, 'keys'>): Promise<KeyView[]> {
    const usedAtMs = await this.#apiKeys.lastUsedAtMs(keys.map(({ sha256 }) => sha256));
    return keys.map(({ id, insertedAtMs, revokedAtMs }, at) => ({
      key_id: id,
      inserted_at: iso(insertedAtMs),
      last_used_at: isoOrNull(usedAtMs[at]),
      revoked_at: isoOrNull(revokedAtMs),
    }));
  }

  /** The key and its owner are written together; the key is told to nobody before both are durable. */
  async #register(id: string, fields: RegistrationFields<S>, registration: string): Promise<Registered<S>> {
    const wireId = await this.nextWireId();
    const { key, apiKey, written } = this.#newKey(id);
    const [applied] = await Promise.all([
      this.aggregates.apply(id, { type: 'register', id, fields, registration, key, wireId }),
      written,
    ]);
    return applied.ok && applied.events.length > 0
      ? { ok: true, repeated: false, state: applied.state, keyId: applied.state.firstKeyId, apiKey }
      : repeated(applied);
  }

  async #registerAgain(id: string, fields: RegistrationFields<S>, registration: string): Promise<Registered<S>> {
    const key = { id: '', sha256: '' };
    return repeated(await this.aggregates.apply(id, { type: 'register', id, fields, registration, key }));
  }

  /** Accounts of most kinds have none. */
  protected async nextWireId(): Promise<number | undefined> {
    return undefined;
  }

  /** A crash, or a refusal, may leave one that nobody was told and no owner lists, or that is listed and was told to nobody. */
  #newKey(id: string, apiKey = newApiKey()) {
    const key: NewKey = { id: newId(), sha256: sha256Hex(apiKey) };
    return { key, apiKey, written: this.#apiKeys.write(key.sha256, { kind: this.kind, id, keyId: key.id }) };
  }
}

export class Agents extends RegisteredAccounts<Agent, AgentCommand, AgentEvent> {
  readonly #wireIds: WireIds;

  constructor(store: Store, apiKeys: ApiKeys, wireIds: WireIds) {
    super('agent', store, apiKeys, agentType);
    this.#wireIds = wireIds;
  }

  /** @param by whose allowance it takes from, over all nodes: `rate_limited` beyond. Left out: nobody's */
  patch(id: string, patch: AgentPatch, by?: ChangedBy): Promise<Applied<Agent, AgentEvent>> {
    return this.aggregates.apply(id, { type: 'patch', patch, ...(by && { by }) });
  }

  /** Replaces all capabilities of an agent, as a change by the agent itself. */
  announce(id: string, capabilities: readonly Capability[]): Promise<Applied<Agent, AgentEvent>> {
    return this.patch(id, { capabilities }, 'itself');
  }

  /** As `announce`. */
  replaceMetadata(id: string, metadata: Agent['metadata']): Promise<Applied<Agent, AgentEvent>> {
    return this.patch(id, { metadata }, 'itself');
  }

  /** Counts how a task ended that the agent was the provider of; again, it changes nothing until it is forgotten. */
  async countTask(id: string, taskId: string, outcome: CountTask['outcome']): Promise<void> {
    await this.aggregates.apply(id, { type: 'count_task', taskId, outcome });
  }

  async forgetTask(id: string, taskId: string): Promise<void> {
    await this.aggregates.apply(id, { type: 'forget_task', taskId });
  }

  /** Gives a number to an agent that has none; again, or after another one, it changes nothing. */
  async giveWireId(id: string, wireId: number): Promise<void> {
    await this.aggregates.apply(id, { type: 'give_wire_id', wireId });
  }

  protected override nextWireId(): Promise<number | undefined> {
    return this.#wireIds.next();
  }
}

export type Users = RegisteredAccounts;
export type Apps = RegisteredAccounts;

export interface Principals {
  readonly users: Users;
  readonly apps: Apps;
  readonly agents: Agents;
  readonly apiKeys: ApiKeys;
  readonly wireIds: WireIds;
}

export function openPrincipals(store: Store): Principals {
  const apiKeys = new ApiKeys(store);
  const wireIds = new WireIds(store);
  return {
    users: new RegisteredAccounts('user', store, apiKeys, accountType('user')),
    apps: new RegisteredAccounts('app', store, apiKeys, accountType('app')),
    agents: new Agents(store, apiKeys, wireIds),
    apiKeys,
    wireIds,
  };
}

function repeated<S extends RegisteredAccount>(
  applied: { readonly ok: true; readonly state: S } | Refusal,
): Repeated<S> | Refusal {
  return applied.ok ? { ok: true, repeated: true, state: applied.state, keyId: applied.state.firstKeyId } : applied;
}

const isoOrNull = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : iso(ms));
