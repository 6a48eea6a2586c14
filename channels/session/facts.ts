import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Event } from './commands.ts';
import type { SessionState } from './state.ts';

interface OfSession extends Fact {
  /** Null: none is assigned. */
  readonly agent: string | null;
}

export type SessionFact =
  | (OfSession & { readonly type: 'session_opened' })
  /** An agent was assigned after the session was opened. */
  | (OfSession & { readonly type: 'session_assigned' })
  | (OfSession & { readonly type: 'session_message' })
  | (OfSession & { readonly type: 'execution_ended'; readonly durationMs: number })
  | (OfSession & { readonly type: 'session_ended' });

/** Facts about a session that the figures count. */
export function sessionFacts(
  events: readonly Event[],
  { session }: SessionState,
  { before, nowMs: atMs }: FactContext<SessionState>,
): SessionFact[] {
  const agent = session.agent?.id ?? null;
  return events.flatMap((event): SessionFact[] => {
    switch (event.type) {
      case 'created':
        return [{ type: 'session_opened', atMs, agent }];
      case 'assigned':
        return before ? [{ type: 'session_assigned', atMs, agent }] : [];
      case 'execution_ended':
        return [
          {
            type: 'execution_ended',
            atMs,
            agent,
            durationMs: Math.max(0, atMs - Math.floor(event.openedAtMicros / 1_000)),
          },
        ];
      case 'appended': {
        const { type } = event.entry;
        if (type === 'user_message' || type === 'agent_message') return [{ type: 'session_message', atMs, agent }];
        return type === 'session_closed' ? [{ type: 'session_ended', atMs, agent }] : [];
      }
      default:
        return [];
    }
  });
}
