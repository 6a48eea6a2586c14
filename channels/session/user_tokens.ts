import type { ChatClaims, SessionTokens } from '../../crypto/session_tokens.ts';
import type { Store } from '../../server/store/index.ts';
import { liveKey } from '../principals/account.ts';
import type { Users } from '../principals/principals.ts';
import type { Session } from './state.ts';

const TTL_SECONDS = 300;
/** Longer than any that is made: not worth a look. */
const MAX_LENGTH = 4_096;

export interface UserTokensOptions {
  readonly tokens: SessionTokens;
  readonly users: Pick<Users, 'read'>;
  readonly store: Pick<Store, 'nowMs'>;
}

/** Tokens that open a session's sockets for its user, and nothing else (SESSIONS.md). */
export class UserTokens {
  readonly #options: UserTokensOptions;

  constructor(options: UserTokensOptions) {
    this.#options = options;
  }

  /** @param keyId of the user's API key */
  async issue({ id: sessionId }: Session, userId: string, keyId: string) {
    const { tokens, store } = this.#options;
    const claims = { userId, sessionId, keyId };
    return tokens.issueChat(claims, { nowMs: await store.nowMs(), ttlSeconds: TTL_SECONDS });
  }

  /**
   * Reads a token. @returns undefined unless it is one, has not expired, and its user's key holds
   *
   * @throws StoreUnavailable
   */
  async verify(token: string): Promise<ChatClaims | undefined> {
    const { tokens, store } = this.#options;
    const claims = token.length > MAX_LENGTH ? undefined : await tokens.chatClaims(token);
    if (!claims || claims.expiresAtMs <= (await store.nowMs())) return undefined;
    return (await this.keyHolds(claims)) ? claims : undefined;
  }

  /** True if the key behind a token is alive. */
  async keyHolds({ userId, keyId }: Pick<ChatClaims, 'userId' | 'keyId'>): Promise<boolean> {
    const user = await this.#options.users.read(userId);
    return user !== undefined && liveKey(user, keyId) !== undefined;
  }
}
