import { jsonAnswer, jsonBody, type Route } from '../../server/http/index.ts';
import type { Store } from '../../server/store/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Principal } from '../principals/authenticate.ts';
import { type Handle, isParticipant, readable, unlessSuspended } from '../principals/permissions.ts';
import type { Messages } from './messages.ts';
import { SendRequest } from './schema.ts';
import { messageView } from './view.ts';

const readBody = jsonBody(SendRequest);

/** The calls on messages (PROTOCOL.md, section 3). */
export const messageRoutes = (messages: Messages, store: Pick<Store, 'nowMs'>): Route<Principal>[] => [
  { method: 'POST', path: '/api/messages', handle: unlessSuspended(sendMessage(messages, store)) },
  { method: 'GET', path: '/api/messages/:id', handle: readMessage(messages, store) },
];

function sendMessage(messages: Messages, store: Pick<Store, 'nowMs'>): Handle {
  return async ({ exchange, principal }) => {
    const read = await readBody(exchange);
    if (!read.ok) return read;
    if (principal.kind !== 'agent') return refuse('forbidden');
    const sent = await messages.send(principal.id, read.body);
    if (!sent.ok) return sent;
    return jsonAnswer(sent.isRepeat ? 200 : 201, { message: messageView(sent.message, await store.nowMs()) });
  };
}

function readMessage(messages: Messages, store: Pick<Store, 'nowMs'>): Handle {
  return async ({ principal, param }) => {
    const read = await readable(principal, await messages.read(param('id')), ({ about }) =>
      isParticipant(principal, [about.fromAgentId, about.toAgentId]),
    );
    return read.ok ? jsonAnswer(200, { message: messageView(read.thing, await store.nowMs()) }) : read;
  };
}
