import { jsonAnswer, type Route } from '../../server/http/index.ts';
import { iso } from '../kernel/iso.ts';
import type { Principal } from './authenticate.ts';

/** `GET /api/me`: whose credential this is, also a suspended agent's. */
export const meRoute = (networkId: string): Route<Principal> => ({
  method: 'GET',
  path: '/api/me',
  handle: ({ principal }) => jsonAnswer(200, { ...described(principal), network_id: networkId }),
});

function described(principal: Principal): object {
  if (principal.kind === 'admin') return { kind: 'admin' };
  const { kind, id, keyId, expiresAtMs, suspended } = principal;
  return {
    kind,
    id,
    ...(kind === 'agent' && { status: suspended ? 'suspended' : 'active' }),
    key_id: keyId,
    ...(expiresAtMs !== undefined && { expires_at: iso(expiresAtMs) }),
  };
}
