import { LRUCache } from 'lru-cache';
import { equalDigests, looksLikeApiKey, sha256Hex } from '../../crypto/secrets.ts';
import type { SessionTokens } from '../../crypto/session_tokens.ts';
import type { Store } from '../../server/store/index.ts';
import { liveKey, type RegisteredAccount } from './account.ts';
import type { Agent } from './agent.ts';
import type { KeyOwner } from './api_keys.ts';
import type { Principals } from './principals.ts';

/** The admin or the account behind a credential. */
export type Principal = Admin | AccountPrincipal;

export interface Admin {
  readonly kind: 'admin';
}

export interface AccountPrincipal extends KeyOwner {
  readonly via: 'api_key' | 'session_token';
  /** Of a session token. */
  readonly expiresAtMs?: number;
  /** Only an agent can be. */
  readonly suspended: boolean;
}

/** The principal behind a credential, or why it is not valid; `account` is set if the credential was once its own. */
export type Identified =
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      readonly reason: 'unknown_credential' | 'not_looked_up' | 'expired' | 'revoked';
      readonly account?: Pick<KeyOwner, 'kind' | 'id'>;
    };

const UNKNOWN = { ok: false, reason: 'unknown_credential' } as const;

export interface AuthenticatorOptions {
  readonly store: Store;
  readonly principals: Principals;
  readonly tokens: SessionTokens;
  readonly adminTokenSha256: string;
}

/** Options for checking a credential. */
interface Use {
  /** True if a key counts as used; not where the server looks by itself whether it still holds. */
  readonly isUse?: boolean;
  /** True if a key that was not seen good before may be looked up; left out: it may. */
  readonly mayLookUp?: () => boolean;
}

/** Keys that are remembered as seen good: so many, those that came last. */
const MAX_SEEN_KEYS = 50_000;

/** Longer than any credential: not worth a digest. */
const MAX_CREDENTIAL_LENGTH = 4_096;

/**
 * Finds who is behind a credential; `undefined` if it is no good, or no good any more. Every call reads the store, so
 * that a revocation counts on all nodes at once.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** By digest. Each is looked up all the same: it may have been revoked. */
  readonly #seenKeys = new LRUCache<string, true>({ max: MAX_SEEN_KEYS });

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Any of the three: the admin token, an API key, a session token. */
  async credential(text: string, use: Use = {}): Promise<Principal | undefined> {
    return principalOf(await this.identify(text, use));
  }

  async apiKey(text: string): Promise<AccountPrincipal | undefined> {
    return looksLikeApiKey(text) ? principalOf(await this.#apiKey(sha256Hex(text))) : undefined;
  }

  async sessionToken(text: string): Promise<AccountPrincipal | undefined> {
    return text.length > MAX_CREDENTIAL_LENGTH ? undefined : principalOf(await this.#sessionToken(text));
  }

  /** As `credential`, and says why it is no good, for the log. */
  async identify(text: string, use: Use = {}): Promise<Identified> {
    if (text.length > MAX_CREDENTIAL_LENGTH) return UNKNOWN;
    const digest = sha256Hex(text);
    if (equalDigests(digest, this.#options.adminTokenSha256)) return { ok: true, principal: { kind: 'admin' } };
    return looksLikeApiKey(text) ? this.#apiKey(digest, use) : this.#sessionToken(text);
  }

  async #apiKey(digest: string, { isUse = true, mayLookUp = () => true }: Use = {}) {
    if (!this.#seenKeys.has(digest) && !mayLookUp()) return { ok: false, reason: 'not_looked_up' } as const;
    const found = await this.#options.principals.apiKeys.find(digest);
    if (!found) return UNKNOWN;
    const identified = await this.#owned(found.owner, { via: 'api_key' });
    if (!identified.ok) return identified;
    this.#seenKeys.set(digest, true);
    if (isUse) found.used();
    return identified;
  }

  async #sessionToken(text: string) {
    const claims = await this.#options.tokens.claims(text);
    if (!claims) return UNKNOWN;
    const { kind, id, keyId, expiresAtMs } = claims;
    if (expiresAtMs <= (await this.#options.store.nowMs()))
      return { ok: false, reason: 'expired', account: { kind, id } } as const;
    return this.#owned({ kind, id, keyId }, { via: 'session_token', expiresAtMs });
  }

  /** The owner of a key, if it is there and the key is alive. */
  async #owned(owner: KeyOwner, how: Pick<AccountPrincipal, 'via' | 'expiresAtMs'>) {
    const { kind, id, keyId } = owner;
    const { agents, users, apps } = this.#options.principals;
    const account: RegisteredAccount | undefined = await { agent: agents, user: users, app: apps }[kind].readWithKey(
      id,
      keyId,
    );
    if (!account) return UNKNOWN;
    if (!liveKey(account, keyId)) return { ok: false, reason: 'revoked', account: { kind, id } } as const;
    const principal: AccountPrincipal = { kind, id, keyId, ...how, suspended: isSuspended(account) };
    return { ok: true, principal } as const;
  }
}

function principalOf<P>(identified: { readonly ok: true; readonly principal: P } | { readonly ok: false }) {
  return identified.ok ? identified.principal : undefined;
}

const isSuspended = (account: RegisteredAccount) => 'status' in account && (account as Agent).status === 'suspended';
