import type { Abortable } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { watchList } from '../watch_list.ts';
import type { SessionState } from '../wire.ts';
import { Session } from './session.ts';

export type SessionHandler = (session: Session) => unknown;

/** Has each open session of the agent served once, and those that come; resolves when it is stopped. */
export function serveSessions(connection: Connection, handler: SessionHandler, options?: Abortable): Promise<void> {
  // Sessions are given to those who are there.
  void connection.agentTopic;
  const list = {
    paths: ['/api/sessions?limit=100'],
    ...{ items: 'sessions', notice: 'aerie.session' },
    isWanted: ({ phase }: SessionState) => phase !== 'CLOSED',
  };
  return watchList<SessionState>(connection, list, options, async (state) =>
    handler(await Session.open(connection, state)),
  );
}
