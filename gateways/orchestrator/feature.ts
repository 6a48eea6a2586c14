import type { Domain, DomainContext } from '../../channels/principals/domain.ts';
import { socketIds } from '../../channels/principals/sockets.ts';
import type { SessionsForGateways } from '../../channels/session/feature.ts';
import type { RawMountOptions } from '../../server/endpoint/index.ts';
import { openRaw, type RawAccepted, type RawRejected, type RawRequest, rejectRaw } from '../../server/index.ts';
import { errorFrame } from './frames.ts';
import { OrchestratorSession } from './session.ts';

type Context = SessionsForGateways & Pick<DomainContext, 'log'> & { readonly mountTerms: DomainContext['mountTerms'] };

/** The user's side of sessions in the orchestrator's dialect: `/ws/user-agent/{session_id}` (SESSIONS.md). */
export function orchestratorFeature({ userSide, userTokens, log, mountTerms }: Context): Domain {
  async function open({ credential, pathParams, params }: RawRequest): Promise<RawAccepted | RawRejected> {
    const sessionId = pathParams.session_id ?? '';
    const claims = credential === undefined ? undefined : await userTokens.verify(credential);
    if (claims?.sessionId !== sessionId) return rejected('auth_failed', claims ? 'wrong_session' : 'bad_token');
    const id = `session_user:${sessionId}`;
    const session = await userSide.find(sessionId);
    if (!session) return rejected('session_not_found', 'session_not_found', id);
    const after = params.after !== undefined && /^\d{1,15}$/.test(params.after) ? Number(params.after) : undefined;
    return openRaw((socket) => new OrchestratorSession(socket, sessionId, after, { userSide, log }), {
      ids: [id, socketIds.credential(claims.keyId)],
      account: `user:${claims.userId}`,
      stillHolds: () => userTokens.keyHolds(claims),
    });
  }

  const mount: RawMountOptions = {
    kind: 'raw',
    path: '/ws/user-agent/:session_id',
    open,
    credentials: { query: 'token' },
    ...mountTerms,
  };
  return { name: 'orchestrator', mounts: [mount] };
}

const REFUSALS = {
  auth_failed: { code: 4001, message: 'Authentication failed: ask for a new token of this session.' },
  session_not_found: { code: 4004, message: 'The session is over.' },
} as const;

/** After the upgrade, as a browser sees no HTTP status. */
function rejected(type: keyof typeof REFUSALS, reason: string, id?: string): RawRejected {
  const { code, message } = REFUSALS[type];
  const why = { reason, ...(id !== undefined && { id, holds: true as const }) };
  return rejectRaw({ code, reason: type, message: errorFrame(type, message) }, why);
}
