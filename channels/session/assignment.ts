import type { Log } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { NoticeRef, Notifications } from '../messages/notifications.ts';
import type { Agent } from '../principals/agent.ts';
import type { OpenSessions } from './open_sessions.ts';
import type { Session } from './state.ts';

export interface AssignmentOptions {
  readonly findOnline: (capability: string) => AsyncIterable<Agent>;
  readonly notifications: Notifications;
  readonly ofAgents: Pick<OpenSessions, 'take' | 'giveUp'>;
  readonly log: Log;
}

type Assigned = NonNullable<Session['agent']>;

/** A session about to be given to an agent, and on whose behalf. */
export interface ToAssign {
  readonly sessionId: string;
  readonly userId: string | null;
}

/** Gives sessions to agents: takes a place among the agent's sessions, and puts a notice into its inbox. */
export class Assignment {
  readonly #options: AssignmentOptions;

  constructor(options: AssignmentOptions) {
    this.#options = options;
  }

  /**
   * Finds the first agent with the capability that is online and has room for one more session.
   *
   * @param assign commits it; `undefined` if the session has another agent by then
   */
  async byCapability<R>(
    capability: string,
    session: ToAssign,
    assign: (agent: Assigned, notices: readonly NoticeRef[]) => Promise<R | undefined>,
  ): Promise<R | undefined> {
    const { findOnline, ofAgents } = this.#options;
    for await (const { id, name } of findOnline(capability)) {
      const place = await ofAgents.take(id, session.sessionId);
      if (!place.ok) continue;
      const assigned = await this.withNotice(id, session, async (notices) => {
        const result = await assign({ id, name }, notices);
        return { result, isAssigned: result !== undefined };
      });
      if (assigned === undefined) await ofAgents.giveUp(id, session.sessionId);
      return assigned;
    }
    return undefined;
  }

  /** Runs `assign` with the notice that its inbox has room for: assigning never fails for want of it. */
  async withNotice<R>(
    agentId: string,
    { sessionId, userId }: ToAssign,
    assign: (notices: readonly NoticeRef[]) => Promise<{ readonly result: R; readonly isAssigned: boolean }>,
  ): Promise<R> {
    const by = userId === null ? 'admin' : `user:${userId}`;
    const notice = { type: 'aerie.session', thingId: sessionId, by, request: sessionId } as const;
    const announced = await this.#options.notifications.announce(notice, [agentId], async (refs) => {
      const { result, isAssigned } = await assign(refs);
      return { result: { made: result }, kept: isAssigned ? refs : [] };
    });
    if ('made' in announced) return announced.made;
    this.#options.log.info({ session: sessionId, agent: agentId, reason: announced.reason }, 'notice left out');
    return (await assign([])).result;
  }
}

/** Refuses an agent that cannot be given a session. */
export function agentRefusal(agent: Agent | undefined, agentId: string) {
  if (!agent) return refuse('not_found', { agent_id: agentId });
  return agent.status === 'suspended' ? refuse('forbidden', { agent_id: agentId, status: 'suspended' }) : undefined;
}
