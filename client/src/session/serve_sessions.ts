import { type Abortable, abortable, anySignal } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { report } from '../listeners.ts';
import type { SessionState } from '../wire.ts';
import { Session } from './session.ts';

export type SessionHandler = (session: Session) => unknown;

/** Has each open session of the agent served once, and those that come; resolves when it is stopped. */
export async function serveSessions(
  connection: Connection,
  handler: SessionHandler,
  { signal }: Abortable,
): Promise<void> {
  const stopped = anySignal(connection.closed, signal);
  const served = new Set<string>();
  const serve = async (state: SessionState) => {
    if (served.has(state.id) || stopped.aborted) return;
    served.add(state.id);
    try {
      await handler(await Session.open(connection, state));
    } catch (error) {
      if (!connection.closed.aborted) report(error);
    } finally {
      served.delete(state.id);
    }
  };
  const all = async () => {
    for await (const page of connection.http.pages<SessionState>('/api/sessions?limit=100', 'sessions', {
      signal: stopped,
    })) {
      for (const session of page) if (session.phase !== 'CLOSED') void serve(session);
    }
  };
  const topic = connection.agentTopic();
  const stops = [
    topic.onJoin(({ sessions = [], sessions_more: areMore }) => {
      for (const session of sessions) void serve(session);
      if (areMore) all().catch((error) => stopped.aborted || report(error));
    }),
    topic.on<{ session: SessionState }>('session_assigned', ({ session }) => void serve(session)),
  ];
  // It may have been joined before.
  await topic
    .joined()
    .then(all)
    .catch((error) => stopped.aborted || report(error));
  await abortable<void>(stopped, () => () => 'none').catch(() => {});
  for (const stop of stops) stop();
}
