import { newSecret, sha256Hex } from '../../crypto/secrets.ts';
import { type Store, StoreUnavailable } from '../../server/store/index.ts';

export interface Secrets {
  readonly adminTokenSha256: string;
  readonly tokenSecret: string;
  /** The operator's credential if it was made just now: the only time that anybody can see it. */
  readonly madeAdminToken: string | undefined;
}

/** Secrets that the configuration sets; each at least 32 characters. */
export interface ConfiguredSecrets {
  readonly adminToken?: string | undefined;
  readonly tokenSecret?: string | undefined;
}

/**
 * The deployment's two secrets: as configured, else as made once by whichever node started first. The admin token is
 * kept only as its SHA-256, the token secret as it is, since every node signs with it.
 */
export async function readSecrets(store: Store, { adminToken, tokenSecret }: ConfiguredSecrets): Promise<Secrets> {
  const newAdminToken = newSecret();
  const adminTokenSha256 = adminToken
    ? sha256Hex(adminToken)
    : await keptOnce(store, 'admin_token_sha256', sha256Hex(newAdminToken));
  return {
    adminTokenSha256,
    tokenSecret: tokenSecret ?? (await keptOnce(store, 'token_secret', newSecret())),
    madeAdminToken: adminTokenSha256 === sha256Hex(newAdminToken) ? newAdminToken : undefined,
  };
}

/** Reads the secret stored under a name; stores `made` if there is none yet. */
async function keptOnce(store: Store, name: string, made: string): Promise<string> {
  const secret = { kind: 'secret', id: name };
  const kept = (await store.read(secret)).fields.value;
  if (kept !== undefined) return kept;
  const committed = await store.commit(secret, 0, { fields: { value: made } });
  if (committed.ok) return made;
  const { value } = (await store.read(secret)).fields;
  if (value === undefined) throw new StoreUnavailable(`The store has lost ${name}: start the node again`);
  return value;
}
