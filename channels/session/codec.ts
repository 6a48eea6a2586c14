import type { Snapshot } from '../../server/store/index.ts';
import type { AggregateType } from '../kernel/aggregate.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import type { Command, Event } from './commands.ts';
import { decide, RETENTION_MS } from './decide.ts';
import { saidKey } from './draft.ts';
import { expiresAtMs } from './ending.ts';
import { sessionFacts } from './facts.ts';
import { placesOf, SESSIONS_INDEX } from './indexes.ts';
import type { Said, Session, SessionState, Terms } from './state.ts';

export const SESSION = 'session';

/** The fields of a session without what was said under ids. */
export const SHOWN: readonly string[] = ['terms', 'course', 'executions'];
const SAID = 'said:';

export const sessionType: AggregateType<SessionState, Command, Event> = {
  kind: SESSION,
  listedIn: SESSIONS_INDEX,
  places: ({ session }) => placesOf(session),
  // What is removed is removed whole.
  reads: (command) => (command.type === 'remove' ? undefined : [...SHOWN, ...saidBy(command)]),
  parse,
  change(after, before) {
    const { session } = after;
    const deadlineMs = deadlineOf(session);
    return {
      fields: session.isGone ? goneFields(session, before) : changedFields(after, before),
      ...((!before || deadlineMs !== deadlineOf(before.session)) && { deadlineMs }),
    };
  },
  decide,
  facts: sessionFacts,
};

/** The field with the repeat of what a command says, or of the request that it may end. */
function saidBy(command: Command): string[] {
  switch (command.type) {
    case 'user_message':
      return command.id === undefined ? [] : [saidKey('user', command.id)];
    case 'agent_message':
      return command.id === undefined ? [] : [saidKey('agent', command.id)];
    case 'request_payment':
      return command.id === undefined ? [] : [saidKey('request', command.id)];
    default:
      return [];
  }
}

function parse(fields: Snapshot['fields']): SessionState {
  const { terms = '{}', course = '{}', executions = '[]' } = fields;
  const session: Session = {
    ...parseMicroJson<Terms>(terms),
    ...parseMicroJson<Omit<Session, keyof Terms | 'openExecutions'>>(course),
    openExecutions: JSON.parse(executions) as number[],
  };
  const said = new Map<string, Said>();
  for (const [name, text] of Object.entries(fields)) {
    if (name.startsWith(SAID)) said.set(name, JSON.parse(text) as Said);
  }
  return { session, said };
}

function changedFields({ session, said }: SessionState, before: SessionState | undefined) {
  const { openExecutions } = session;
  const fields: Record<string, string> = {};
  if (!before) fields.terms = termsText(session);
  if (session !== before?.session) fields.course = courseText(session);
  if (openExecutions !== before?.session.openExecutions) fields.executions = JSON.stringify(openExecutions);
  for (const [key, value] of said) {
    if (before?.said.get(key) !== value) fields[key] = JSON.stringify(value);
  }
  return fields;
}

/** Nothing is kept that a client wrote. */
function goneFields(session: Session, before: SessionState | undefined) {
  const said = Object.fromEntries([...(before?.said.keys() ?? [])].map((key) => [key, null]));
  return { ...said, course: courseText({ ...session, pending: null, agent: null }), executions: null };
}

function termsText({ id, userId, capability, autoPay, tiedTo, request }: Session): string {
  return microJson({ id, userId, capability, autoPay, tiedTo, request });
}

function courseText(session: Session): string {
  const { id, userId, capability, autoPay, tiedTo, request, openExecutions, ...course } = session;
  return microJson(course);
}

/** Time at which somebody has to look after it next. */
function deadlineOf({ pending, closing, followUpDueMs, isGone, ...session }: Session): number | null {
  if (isGone) return null;
  if (closing) return followUpDueMs ?? closing.atMs + RETENTION_MS;
  return pending ? pending.dueMs : expiresAtMs({ pending, closing, followUpDueMs, isGone, ...session });
}
