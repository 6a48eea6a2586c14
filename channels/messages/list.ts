import { oneOf, type Params } from '../kernel/lists/query.ts';
import type { PartyOptions } from '../principals/parties.ts';
import { type Between, listBetween } from '../principals/things_between.ts';
import { type Box, boxIndex, MESSAGES_INDEX } from './indexes.ts';
import type { Messages, Shown } from './messages.ts';
import { statusAt, summaryView } from './view.ts';

const boxesOf = ({ box }: Params<'box'>): readonly Box[] => (box === undefined ? ['in', 'out'] : [box as Box]);

/** `GET /api/messages`: without payloads. */
export function messageList(messages: Messages, options: PartyOptions) {
  const between: Between<Shown, 'status' | 'box'> = {
    name: 'messages',
    checks: { status: oneOf('pending', 'acknowledged', 'rejected', 'expired'), box: oneOf('in', 'out') },
    indexesOfAll: [MESSAGES_INDEX],
    indexesOf: (agentId, params) => boxesOf(params).map((box) => boxIndex(box, agentId)),
    read: (ids) => messages.readShown(ids),
    insertedAtMs: ({ message }) => message.about.insertedAtMs,
    partiesOf: ({ message: { about } }, params) =>
      boxesOf(params).map((box) => (box === 'in' ? about.toAgentId : about.fromAgentId)),
    matches: ({ message, nowMs }, { status }) => status === undefined || statusAt(message, nowMs) === status,
    view: (found) => found.map(({ message, nowMs }) => summaryView(message, nowMs)),
  };
  return listBetween(between, options);
}
