import type { AggregateType } from '../kernel/aggregate.ts';
import { inboxFacts, messageFacts } from './facts.ts';
import { decideInbox, emptyInbox, type Inbox, type InboxCommand, type InboxEvent, type InboxPlace } from './inbox.ts';
import { MESSAGES_INDEX, placesOf } from './indexes.ts';
import { decideMessage, type Message, type MessageCommand, type MessageEvent } from './state.ts';
import { inboxTraffic, messageTraffic } from './traffic.ts';

const placeField = (id: string) => `place:${id}`;
const senderField = (id: string) => `sender:${id}`;

/** The fields of an inbox to read: its head, and those of a message and of a sender. */
export function inboxFields({ id, sender }: { readonly id?: string; readonly sender?: string | null }): string[] {
  return ['head', ...(id === undefined ? [] : [placeField(id)]), ...(sender ? [senderField(sender)] : [])];
}

/** A field for the head, for each message and for each sender: a command reads those that it is about. */
export const inboxType: AggregateType<Inbox, InboxCommand, InboxEvent> = {
  kind: 'inbox',

  reads: (command) => inboxFields('id' in command ? command : {}),

  parse({ head, ...fields }) {
    const places = new Map<string, InboxPlace>();
    const senders = new Map<string, number>();
    for (const [name, value] of Object.entries(fields)) {
      const colon = name.indexOf(':');
      const [what, id] = [name.slice(0, colon), name.slice(colon + 1)];
      if (what === 'place') places.set(id, JSON.parse(value) as InboxPlace);
      else if (what === 'sender') senders.set(id, Number(value));
    }
    return { head: head === undefined ? emptyInbox.head : JSON.parse(head), places, senders };
  },

  change(after, before = emptyInbox) {
    const fields: Record<string, string | null> = {};
    if (after.head !== before.head) fields.head = JSON.stringify(after.head);
    for (const id of changedKeys(after.places, before.places)) {
      const place = after.places.get(id);
      fields[placeField(id)] = place ? JSON.stringify(place) : null;
    }
    for (const id of changedKeys(after.senders, before.senders)) {
      const count = after.senders.get(id);
      fields[senderField(id)] = count === undefined ? null : String(count);
    }
    const { wakeAtMs } = after.head;
    return { fields, ...(wakeAtMs !== before.head.wakeAtMs && { deadlineMs: wakeAtMs }) };
  },

  decide: decideInbox,
  facts: inboxFacts,
  traffic: inboxTraffic,
};

/** All but the payload. */
export const SHOWN: readonly string[] = ['about', 'progress'];

/** The payload, which may be large, is read only by those who pass it on. */
export const messageType: AggregateType<Message, MessageCommand, MessageEvent> = {
  kind: 'message',
  reads: () => SHOWN,
  listedIn: MESSAGES_INDEX,
  places: placesOf,
  parse: ({ about = '', payload, progress = '' }) => ({
    about: JSON.parse(about),
    payloadJson: payload,
    progress: JSON.parse(progress),
  }),
  change(after, before) {
    const { about, payloadJson, progress } = after;
    const deadline = progress.deadlineMs !== before?.progress.deadlineMs && { deadlineMs: progress.deadlineMs };
    return {
      fields: {
        ...(about !== before?.about && { about: JSON.stringify(about) }),
        ...(payloadJson !== before?.payloadJson && payloadJson !== undefined && { payload: payloadJson || null }),
        ...(progress !== before?.progress && { progress: JSON.stringify(progress) }),
      },
      ...deadline,
    };
  },
  decide: decideMessage,
  facts: messageFacts,
  traffic: messageTraffic,
};

function changedKeys<V>(after: ReadonlyMap<string, V>, before: ReadonlyMap<string, V>): Set<string> {
  const changed = new Set<string>();
  for (const [key, value] of after) if (before.get(key) !== value) changed.add(key);
  for (const key of before.keys()) if (!after.has(key)) changed.add(key);
  return changed;
}
