import { iso } from '../kernel/iso.ts';

/** Fields that users, apps and agents have in common. */
export interface RegisteredAccount {
  readonly id: string;
  readonly name: string;
  readonly insertedAtMs: number;
  /** The digest of the request that registered it, by which a repeat is recognised. */
  readonly registration: string;
  /** The key that registering made. */
  readonly firstKeyId: string;
  /** In the order in which they were made; of those revoked only the latest. */
  readonly keys: readonly Key[];
}

export type AccountKind = 'user' | 'app' | 'agent';

/** An API key as it is kept: what it hashes to, never what it is. */
export interface Key {
  readonly id: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly insertedAtMs: number;
  readonly revokedAtMs: number | null;
}

/** Live ones; one more is refused. */
export const MAX_KEYS = 100;
/** Of those revoked the latest stay listed. */
const MAX_REVOKED_KEYS = 100;

export const liveKey = ({ keys }: RegisteredAccount, id: string): Key | undefined =>
  keys.find((key) => key.id === id && key.revokedAtMs === null);

export const liveKeyCount = ({ keys }: RegisteredAccount) =>
  keys.filter(({ revokedAtMs }) => revokedAtMs === null).length;

/** Forgets the oldest of the revoked keys, which are no use but to look at. */
export function trimmed(keys: readonly Key[]): readonly Key[] {
  const revoked = keys.filter(({ revokedAtMs }) => revokedAtMs !== null);
  const oldestFirst = revoked.sort((a, b) => (a.revokedAtMs ?? 0) - (b.revokedAtMs ?? 0));
  const forgotten = new Set(oldestFirst.slice(0, Math.max(0, revoked.length - MAX_REVOKED_KEYS)));
  return keys.filter((key) => !forgotten.has(key));
}

/** A user or an app on the wire. */
export const accountView = ({ id, name, insertedAtMs }: RegisteredAccount) => ({
  id,
  name,
  inserted_at: iso(insertedAtMs),
});
