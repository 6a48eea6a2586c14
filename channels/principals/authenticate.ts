import { equalSecrets, looksLikeApiKey, sha256Hex } from '../../crypto/secrets.ts';
import type { SessionTokens } from '../../crypto/session_tokens.ts';
import type { Store } from '../../server/store/port.ts';
import { type Account, liveKey } from './account.ts';
import type { Agent } from './agent.ts';
import type { KeyOwner } from './api_keys.ts';
import type { Principals } from './principals.ts';

/** Who is behind a credential. */
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

export interface AuthenticatorOptions {
  readonly store: Store;
  readonly principals: Principals;
  readonly tokens: SessionTokens;
  readonly adminTokenSha256: string;
}

/** Longer than any credential: not worth a digest. */
const MAX_CREDENTIAL_LENGTH = 4_096;

/**
 * Finds who is behind a credential; `undefined` if it is no good, or no good any more. Every call reads the store, so
 * that a revocation counts on all nodes at once.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /**
   * Any of the three: the admin token, an API key, a session token.
   *
   * @param isUse whether a key counts as used; not where the server looks by itself whether it still holds
   */
  async credential(text: string, { isUse = true } = {}): Promise<Principal | undefined> {
    if (text.length > MAX_CREDENTIAL_LENGTH) return undefined;
    if (equalSecrets(sha256Hex(text), this.#options.adminTokenSha256)) return { kind: 'admin' };
    return looksLikeApiKey(text) ? this.apiKey(text, { isUse }) : this.sessionToken(text);
  }

  async apiKey(text: string, { isUse = true } = {}): Promise<AccountPrincipal | undefined> {
    if (!looksLikeApiKey(text)) return undefined;
    const sha256 = sha256Hex(text);
    const found = await this.#options.principals.apiKeys.find(sha256);
    if (!found) return undefined;
    const account = await this.#account(found.owner);
    if (!account) return undefined;
    if (isUse) found.used();
    return { ...found.owner, via: 'api_key', suspended: isSuspended(account) };
  }

  async sessionToken(text: string): Promise<AccountPrincipal | undefined> {
    if (text.length > MAX_CREDENTIAL_LENGTH) return undefined;
    const claims = await this.#options.tokens.verify(text, await this.#options.store.nowMs());
    const account = claims && (await this.#account(claims));
    return account && { ...claims, via: 'session_token', suspended: isSuspended(account) };
  }

  /** The owner, if it is there and the key is alive. */
  async #account({ kind, id, keyId }: KeyOwner): Promise<Account | undefined> {
    const { agents, users, apps } = this.#options.principals;
    const account = await { agent: agents, user: users, app: apps }[kind].read(id);
    return account && liveKey(account, keyId) ? account : undefined;
  }
}

const isSuspended = (account: Account) => 'status' in account && (account as Agent).status === 'suspended';
