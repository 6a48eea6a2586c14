import type { Snapshot } from '../../server/store/index.ts';
import type { AggregateType } from '../kernel/aggregate.ts';
import type { Moved } from '../kernel/signed_change.ts';
import type { Command, Event } from './commands.ts';
import { decide } from './decide.ts';
import {
  type Conversation,
  keyOf,
  type Mark,
  type Participant,
  type SaidMessage,
  type TalkState,
  type TaskOfTalk,
} from './state.ts';

/**
 * Conversations are kept with their task: so its end and a message, an admission and a new participant are one after the
 * other, on every store. Fields: `task` is the task's own; `talk`; and for each conversation `talk:`, `in:`, with
 * `said:` for each message, `sent:` for each sender and `mark:` for each reader.
 */
export const TASK = 'task';
export const TALK = 'talk';

type Field = 'talk' | 'in' | 'said' | 'sent' | 'mark';

const field = (of: Field, key: string) => `${of}:${key}`;

/** The fields that show a conversation. */
export const shownFields = (id: string): string[] => ['task', field('talk', id), field('in', id)];

export const markField = (id: string, agentId: string) => field('mark', keyOf(id, agentId));
export const sentField = (id: string, agentId: string) => field('sent', keyOf(id, agentId));
export const saidField = (id: string, messageId: string) => field('said', keyOf(id, messageId));

export const talkType: AggregateType<TalkState, Command, Event, Moved> = {
  kind: TASK,
  reads: fieldsFor,
  parse,
  change: (after, before) => ({ fields: changedFields(after, before) }),
  decide,
};

function fieldsFor(command: Command): string[] {
  switch (command.type) {
    case 'create':
      return [...shownFields(command.id), TALK];
    case 'archive':
    case 'unarchive':
    case 'add':
    case 'remove':
      return [...shownFields(command.id), TALK];
    case 'send': {
      const { id, by, messageId, replyToId } = command;
      const said = [messageId, ...(replyToId === undefined ? [] : [replyToId])].map((each) => saidField(id, each));
      return [...shownFields(id), sentField(id, by), ...said];
    }
    case 'read':
      return [...shownFields(command.id), saidField(command.id, command.messageId), markField(command.id, command.by)];
    case 'admit':
      return ['task', TALK];
    case 'dismiss':
      return ['task', TALK, ...command.conversationIds.flatMap(shownFields)];
  }
}

export function parse(fields: Snapshot['fields']): TalkState {
  const maps = { talk: new Map(), in: new Map(), said: new Map(), sent: new Map(), mark: new Map() };
  for (const [name, text] of Object.entries(fields)) {
    const at = name.indexOf(':');
    const of = name.slice(0, at) as Field;
    if (at > 0 && Object.hasOwn(maps, of)) maps[of].set(name.slice(at + 1), JSON.parse(text));
  }
  return {
    task: JSON.parse(fields.task ?? '{}') as TaskOfTalk,
    talk: fields.talk === undefined ? { conversationIds: [], admitted: {} } : JSON.parse(fields.talk),
    conversations: maps.talk as Map<string, Conversation>,
    participants: maps.in as Map<string, readonly Participant[]>,
    said: maps.said as Map<string, SaidMessage>,
    sent: maps.sent as Map<string, number>,
    marks: maps.mark as Map<string, Mark>,
  };
}

function changedFields(after: TalkState, before: TalkState | undefined): Record<string, string> {
  const fields: Record<string, string> = {};
  if (after.talk !== before?.talk) fields.talk = JSON.stringify(after.talk);
  const put = (of: Field, now: ReadonlyMap<string, unknown>, then: ReadonlyMap<string, unknown> | undefined) => {
    for (const [key, value] of now) if (then?.get(key) !== value) fields[field(of, key)] = JSON.stringify(value);
  };
  put('talk', after.conversations, before?.conversations);
  put('in', after.participants, before?.participants);
  put('said', after.said, before?.said);
  put('sent', after.sent, before?.sent);
  put('mark', after.marks, before?.marks);
  return fields;
}
