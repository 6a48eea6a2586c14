import type { SessionTokens } from '../../crypto/session_tokens.ts';
import { jsonAnswer, jsonBody } from '../../server/http/index.ts';
import type { Store } from '../../server/store/index.ts';
import { iso } from '../kernel/iso.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Handle, tokenRefusal } from './permissions.ts';
import { DEFAULT_TTL_SECONDS, SessionTokenRequest } from './schema.ts';

const readBody = jsonBody(SessionTokenRequest);

/** `POST /api/session_tokens` */
export function issueToken(store: Store, tokens: SessionTokens): Handle {
  return async ({ exchange, principal }) => {
    const read = await readBody(exchange);
    if (!read.ok) return read;
    if (principal.kind === 'admin') return refuse('forbidden');
    const forbidden = tokenRefusal(principal);
    if (forbidden) return forbidden;
    const { ttl_seconds: ttlSeconds = DEFAULT_TTL_SECONDS } = read.body;
    const { token, expiresAtMs } = await tokens.issue(principal, { nowMs: await store.nowMs(), ttlSeconds });
    return jsonAnswer(201, { token, expires_at: iso(expiresAtMs) });
  };
}
