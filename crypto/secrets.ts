import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Prefix that identifies a leaked key, and tells a key from a session token. */
const API_KEY_PREFIX = 'aerie_sk_';
const SECRET_BYTES = 32;
/** 32 bytes as base64url. */
const API_KEY = new RegExp(`^${API_KEY_PREFIX}[A-Za-z0-9_-]{43}$`);

/** A secret of 256 random bits as text of `[A-Za-z0-9_-]`. */
export const newSecret = () => randomBytes(SECRET_BYTES).toString('base64url');

/** The spelling of keys that a client of conversations takes, which takes no other. */
const MOLTZAP_KEY = /^moltzap_(agent|app)_[0-9a-f]{16}_[0-9a-f]{48}$/;

/** An API key: 256 random bits behind a prefix. It is shown once and kept only as its SHA-256. */
export const newApiKey = () => `${API_KEY_PREFIX}${newSecret()}`;

/** An API key in the spelling of the conversations' own clients: the same 256 bits, in hex. */
export function newMoltzapKey(kind: 'agent' | 'app'): string {
  const hex = randomBytes(SECRET_BYTES).toString('hex');
  return `moltzap_${kind}_${hex.slice(0, 16)}_${hex.slice(16)}`;
}

export const looksLikeApiKey = (text: string) => API_KEY.test(text) || MOLTZAP_KEY.test(text);

/** The SHA-256 of the text's UTF-8 bytes, as lower-case hex. Enough for secrets of 256 random bits: none is guessed. */
export const sha256Hex = (text: string) => createHash('sha256').update(text).digest('hex');

/** True if two texts are equal, in a time that tells nothing about where they differ or how long the secret is. */
export function equalSecrets(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

/** As `equalSecrets`, for digests of one kind as hex. */
export function equalDigests(given: string, secret: string): boolean {
  return given.length === secret.length && timingSafeEqual(Buffer.from(given), Buffer.from(secret));
}

const digest = (text: string) => createHash('sha256').update(text).digest();
