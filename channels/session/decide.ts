import { ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Command, Create, Event, SayAsAgent, SayAsUser } from './commands.ts';
import { digestOf, done, LOG, repeated, type SessionDecision, SessionDraft, saidKey, writeRefusal } from './draft.ts';
import { close, endByTime, expiresAtMs } from './ending.ts';
import { executionId, executionMicros, nextExecutionMicros } from './executions.ts';
import { answer, askUser, failPayment, requestPayment, settlePayment } from './requests.ts';
import type { Session, SessionState } from './state.ts';

/** A closed session can be read for so long. */
export const RETENTION_MS = 30 * 24 * 3_600_000;

/** A command that was taken before comes out as yes with no events: a repeat is harmless. */
export function decide(before: SessionState | undefined, command: Command, nowMs: number): SessionDecision {
  if (command.type === 'create') return create(before, command, nowMs);
  if (!before || before.session.isGone) return refuse('not_found');
  const { session } = before;
  const draft = new SessionDraft(before, nowMs);
  switch (command.type) {
    case 'assign':
      if (!session.agent && !session.closing) {
        draft.set({ agent: command.agent, notices: command.notices });
        draft.events.push({ type: 'assigned' });
      }
      return done(draft);
    case 'user_connected':
      if (!session.userHasConnected) draft.set({ userHasConnected: true, lastEntryAtMs: nowMs });
      return done(draft);
    case 'agent_joined':
      if (!session.agentHasJoined) draft.set({ agentHasJoined: true });
      return done(draft);
    case 'user_message':
      return sayAsUser(draft, before, command, nowMs);
    case 'agent_message':
      return sayAsAgent(draft, before, command);
    case 'request_payment':
      return requestPayment(draft, before, command, nowMs);
    case 'answer':
      return answer(draft, command, nowMs);
    case 'ask_user':
      return askUser(draft, command, nowMs);
    case 'settle_payment':
      return settlePayment(draft, command, nowMs);
    case 'fail_payment':
      return failPayment(draft, command, nowMs);
    case 'close':
      close(draft, command, nowMs);
      return done(draft);
    case 'confirm': {
      const seq = Math.min(command.seq, session.entries);
      if (seq > session.confirmedSeq) draft.set({ confirmedSeq: seq });
      return done(draft);
    }
    case 'wake':
      return wake(draft, nowMs);
    case 'followed_up':
      if (session.followUpDueMs !== null) draft.set({ followUpDueMs: null });
      return done(draft);
    case 'remove':
      return isForgotten(session, nowMs) ? remove(draft) : done(draft);
  }
}

function create(before: SessionState | undefined, { terms, agent, notices }: Create, nowMs: number): SessionDecision {
  if (before) {
    const isRepeat = !before.session.isGone && before.session.request === terms.request;
    return isRepeat ? ok({ state: before, events: [] }) : refuse('conflict');
  }
  const session: Session = {
    ...terms,
    insertedAtMs: nowMs,
    agent,
    entries: 0,
    lastEntryAtMs: nowMs,
    // The socket that makes such a session is its user's.
    userHasConnected: terms.tiedTo !== null,
    agentHasJoined: false,
    openExecutions: [],
    lastExecutionMicros: 0,
    pending: null,
    requestEndedAtMs: 0,
    closeAfter: null,
    closing: null,
    confirmedSeq: 0,
    notices,
    followUpDueMs: null,
    isGone: false,
  };
  const events: Event[] = agent ? [{ type: 'created' }, { type: 'assigned' }] : [{ type: 'created' }];
  return ok({ state: { session, said: new Map() }, events });
}

function sayAsUser(
  draft: SessionDraft,
  before: SessionState,
  { id, content }: SayAsUser,
  nowMs: number,
): SessionDecision {
  const key = id === undefined ? undefined : saidKey('user', id);
  const digest = digestOf({ content });
  const repeat = key && repeated(before, before.said.get(key), digest);
  if (repeat) return repeat;
  const refused = writeRefusal(draft.session);
  if (refused) return refused;

  const micros = nextExecutionMicros(draft.session.lastExecutionMicros, nowMs);
  const execution = executionId(micros);
  const { seq } = draft.append({
    type: 'user_message',
    by: 'user',
    ...(id !== undefined && { id }),
    execution_id: execution,
    content,
  });
  draft.set({ openExecutions: [...draft.session.openExecutions, micros], lastExecutionMicros: micros });
  if (key) draft.remember(key, { seq, digest, executionId: execution });
  return done(draft);
}

function sayAsAgent(draft: SessionDraft, before: SessionState, command: SayAsAgent): SessionDecision {
  const { id, content, executionId: named, final } = command;
  const key = id === undefined ? undefined : saidKey('agent', id);
  const digest = digestOf({ content, named, final });
  const repeat = key && repeated(before, before.said.get(key), digest);
  if (repeat) return repeat;
  const refused = writeRefusal(draft.session);
  if (refused) return refused;

  const { openExecutions } = draft.session;
  const micros = named === undefined ? openExecutions[0] : openExecution(openExecutions, named);
  if (named !== undefined && micros === undefined) return refuse('not_found', { execution_id: named });
  const { seq } = draft.append({
    type: 'agent_message',
    by: 'agent',
    ...(id !== undefined && { id }),
    execution_id: micros === undefined ? null : executionId(micros),
    content,
    final,
  });
  if (final && micros !== undefined) {
    draft.set({ openExecutions: openExecutions.filter((at) => at !== micros) });
    draft.events.push({ type: 'execution_ended', openedAtMicros: micros });
  }
  if (key) draft.remember(key, { seq, digest });
  return done(draft);
}

/** There may be as many as entries: they are not named anew for each message that names one. */
function openExecution(openExecutions: readonly number[], named: string): number | undefined {
  const micros = executionMicros(named);
  return micros !== undefined && openExecutions.includes(micros) ? micros : undefined;
}

function wake(draft: SessionDraft, nowMs: number): SessionDecision {
  const { pending, closing, closeAfter } = draft.session;
  if (closing) return done(draft);
  if (pending?.stage === 'asked') {
    if (nowMs >= pending.expiresAtMs) endByTime(draft, pending, 'expired', nowMs);
    return done(draft);
  }
  if (!pending && !closeAfter && nowMs >= expiresAtMs(draft.session)) {
    close(draft, { reason: 'expired', by: 'server' }, nowMs);
  }
  return done(draft);
}

/** True if its retention is over. */
export const isForgotten = ({ closing }: Pick<Session, 'closing'>, nowMs: number) =>
  closing !== null && nowMs >= closing.atMs + RETENTION_MS;

/** Only that the id is taken stays. */
function remove(draft: SessionDraft): SessionDecision {
  draft.set({ isGone: true, notices: [], openExecutions: [], followUpDueMs: null });
  draft.events.push({ type: 'removed' });
  return done(draft, [LOG]);
}
