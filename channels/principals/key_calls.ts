import Type from 'typebox';
import { jsonAnswer, jsonBody } from '../../server/http/index.ts';
import type { Refusal } from '../../server/index.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import type { AccountKind, RegisteredAccount } from './account.ts';
import type { PrincipalEvents } from './events.ts';
import { type ApiCall, type Handle, mayManage, tokenRefusal } from './permissions.ts';
import type { CreatedKey, KeyView } from './principals.ts';

/** The part of `RegisteredAccounts` that the calls on keys need, for every kind of account. */
interface Keyring {
  readonly kind: AccountKind;
  read(id: string): Promise<RegisteredAccount | undefined>;
  listKeys(account: Pick<RegisteredAccount, 'keys'>): Promise<KeyView[]>;
  createKey(id: string, isMoltzap?: boolean): Promise<CreatedKey>;
  revokeKey(id: string, keyId: string): Promise<{ readonly ok: true } | Refusal>;
}

/** `GET …/keys` */
export function listKeys(accounts: Keyring): Handle {
  return async (call) => {
    const found = await manageable(accounts, call);
    return found.ok ? jsonAnswer(200, { keys: await accounts.listKeys(found.account) }) : found;
  };
}

const readStyle = jsonBody(Type.Object({ style: Type.Optional(Type.Literal('moltzap')) }));

/** `POST …/keys`; a body says no more than in which spelling. */
export function createKey(accounts: Keyring): Handle {
  return async (call) => {
    const found = await manageable(accounts, call);
    if (!found.ok) return found;
    const forbidden = tokenRefusal(call.principal);
    if (forbidden) return forbidden;
    const read = await readStyle(call.exchange);
    if (!read.ok) return read;
    const isMoltzap = read.body.style === 'moltzap';
    if (isMoltzap && accounts.kind === 'user')
      return refuseField('/style', 'must not be there: users have no such keys');
    const created = await accounts.createKey(found.account.id, isMoltzap);
    return created.ok ? jsonAnswer(201, { key_id: created.keyId, api_key: created.apiKey }) : created;
  };
}

/** `DELETE …/keys/{key_id}` */
export function revokeKey(accounts: Keyring, events: PrincipalEvents): Handle {
  return async (call) => {
    const found = await manageable(accounts, call);
    if (!found.ok) return found;
    const forbidden = tokenRefusal(call.principal);
    if (forbidden) return forbidden;
    const keyId = call.param('key_id');
    const revoked = await accounts.revokeKey(found.account.id, keyId);
    // Also for one that is revoked already: the node that revoked it may have died before it told the others.
    if (revoked.ok || found.account.keys.some(({ id }) => id === keyId)) events.credentialRevoked(keyId);
    return revoked.ok ? { status: 204, headers: { 'cache-control': 'no-store' } } : revoked;
  };
}

async function manageable(
  accounts: Keyring,
  call: ApiCall,
): Promise<{ ok: true; account: RegisteredAccount } | Refusal> {
  const account = await accounts.read(call.param('id'));
  if (!account) return refuse('not_found');
  return mayManage(call.principal, accounts.kind, account) ? { ok: true, account } : refuse('forbidden');
}
