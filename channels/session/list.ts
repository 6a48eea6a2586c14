import { byCreation } from '../kernel/lists/order.ts';
import { oneOf } from '../kernel/lists/query.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Principal } from '../principals/authenticate.ts';
import type { List } from '../principals/list_route.ts';
import { agentSessionsIndex, SESSIONS_INDEX, userSessionsIndex } from './indexes.ts';
import type { Sessions } from './sessions.ts';
import { PHASES, phaseOf, type Session } from './state.ts';
import { sessionView } from './view.ts';

/** `GET /api/sessions` */
export function sessionList(sessions: Pick<Sessions, 'readMany'>): List<Session, 'phase'> {
  return {
    name: 'sessions',
    checks: { phase: oneOf(...PHASES) },
    needsUpkeep: () => false,
    view: (found) => found.map(sessionView),

    async source(principal, { phase }) {
      const index = indexOf(principal);
      if (index === undefined) return refuse('forbidden');
      return {
        ok: true,
        order: byCreation,
        indexes: [index],
        async read(ids) {
          const found = await sessions.readMany(ids);
          return found.map((session) => {
            const matches = session && isOf(session, principal) && (phase === undefined || phaseOf(session) === phase);
            return matches ? { item: session, insertedAtMs: session.insertedAtMs } : undefined;
          });
        },
      };
    },
  };
}

function indexOf(principal: Principal): string | undefined {
  if (principal.kind === 'admin') return SESSIONS_INDEX;
  if (principal.kind === 'user') return userSessionsIndex(principal.id);
  return principal.kind === 'agent' ? agentSessionsIndex(principal.id) : undefined;
}

/** True if a session is the principal's own, or the principal is the admin. */
export function isOf({ userId, agent }: Session, principal: Principal): boolean {
  if (principal.kind === 'admin') return true;
  if (principal.kind === 'user') return userId === principal.id;
  return principal.kind === 'agent' && agent?.id === principal.id;
}
