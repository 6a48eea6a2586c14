import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';

/** The account that a session token is for, and when the token expires. */
export interface SessionClaims {
  readonly kind: 'agent' | 'user' | 'app';
  readonly id: string;
  /** The API key that made it: the token dies with it. */
  readonly keyId: string;
  readonly expiresAtMs: number;
}

/** The user and the chat session that a token of that session is for. */
export interface ChatClaims {
  readonly userId: string;
  readonly sessionId: string;
  /** The API key of the user on whose behalf it was made: the token dies with it. */
  readonly keyId: string;
  readonly expiresAtMs: number;
}

const CHAT_TYPE = 'chat_session';
const SUBJECT = /^(agent|user|app):(.+)$/;
/** `exp` counts whole seconds. */
const MS_PER_SECOND = 1_000;

/** Signs and verifies session tokens: JWT (RFC 7519) with HS256 and nothing else. */
export class SessionTokens {
  readonly #secret: KeyObject;

  /** @param secret the deployment's token secret, at least 32 bytes; the same on all nodes */
  constructor(secret: string) {
    this.#secret = createSecretKey(Buffer.from(secret));
  }

  /** @returns the token, and its expiry: never earlier than asked for, and a whole second */
  async issue(
    { kind, id, keyId }: Pick<SessionClaims, 'kind' | 'id' | 'keyId'>,
    lifetime: Lifetime,
  ): Promise<IssuedToken> {
    return this.#sign(new SignJWT(), `${kind}:${id}`, keyId, lifetime);
  }

  /** As `issue`, for a token that opens the sockets of one chat session and nothing else (SESSIONS.md). */
  async issueChat(
    { userId, sessionId, keyId }: Omit<ChatClaims, 'expiresAtMs'>,
    lifetime: Lifetime,
  ): Promise<IssuedToken> {
    // Two that are made in one second are two.
    const claims = new SignJWT({ session_id: sessionId, type: CHAT_TYPE, jti: randomUUID() });
    return this.#sign(claims, `user:${userId}`, keyId, lifetime);
  }

  async #sign(jwt: SignJWT, subject: string, keyId: string, { nowMs, ttlSeconds }: Lifetime): Promise<IssuedToken> {
    const issuedAt = Math.floor(nowMs / MS_PER_SECOND);
    const expiresAt = Math.ceil(nowMs / MS_PER_SECOND) + ttlSeconds;
    const token = await jwt
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: keyId })
      .setSubject(subject)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#secret);
    return { token, expiresAtMs: expiresAt * MS_PER_SECOND };
  }

  /**
   * @param nowMs the store's clock
   * @returns `undefined` unless the token has claims and has not expired
   */
  async verify(token: string, nowMs: number): Promise<SessionClaims | undefined> {
    const claims = await this.claims(token);
    return claims && claims.expiresAtMs > nowMs ? claims : undefined;
  }

  /**
   * Reads a token whether or not it has expired, and asks nobody, so that forged ones cost no look-up.
   *
   * @returns `undefined` unless this secret signed it with HS256 and it names its subject, key and expiry and has no
   *          `type`; whether its key and its subject are alive is for the caller to find out
   */
  async claims(token: string): Promise<SessionClaims | undefined> {
    const verified = await this.#verified(token);
    return verified && claimsOf(verified.payload, verified.keyId);
  }

  /** As `claims`, of a chat session's token. */
  async chatClaims(token: string): Promise<ChatClaims | undefined> {
    const verified = await this.#verified(token);
    return verified && chatClaimsOf(verified.payload, verified.keyId);
  }

  async #verified(token: string): Promise<{ payload: JWTPayload; keyId: unknown } | undefined> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#secret, {
        algorithms: ['HS256'],
        requiredClaims: ['sub', 'exp'],
        // Nothing has expired then.
        currentDate: new Date(0),
      });
      return { payload, keyId: protectedHeader.kid };
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}

export interface Lifetime {
  readonly nowMs: number;
  readonly ttlSeconds: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

function claimsOf({ sub, exp, type }: JWTPayload, keyId: unknown): SessionClaims | undefined {
  const [, kind, id] = SUBJECT.exec(sub ?? '') ?? [];
  // A token of a type is another system's: a session's, an orchestrator's.
  if (type !== undefined) return undefined;
  if (!kind || !id || typeof keyId !== 'string' || keyId === '' || exp === undefined) return undefined;
  return { kind: kind as SessionClaims['kind'], id, keyId, expiresAtMs: exp * MS_PER_SECOND };
}

function chatClaimsOf({ sub, exp, type, session_id: sessionId }: JWTPayload, keyId: unknown): ChatClaims | undefined {
  const [, kind, userId] = SUBJECT.exec(sub ?? '') ?? [];
  if (type !== CHAT_TYPE || kind !== 'user' || !userId || typeof sessionId !== 'string') return undefined;
  if (typeof keyId !== 'string' || keyId === '' || exp === undefined) return undefined;
  return { userId, sessionId, keyId, expiresAtMs: exp * MS_PER_SECOND };
}
