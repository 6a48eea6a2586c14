import Type from 'typebox';
import { isId } from '../../channels/kernel/ids.ts';
import type { LogEntry } from '../../channels/session/entries.ts';
import type { AskedRequest } from '../../channels/session/feed.ts';
import type { Session } from '../../channels/session/state.ts';
import { payloadCheck } from '../../server/index.ts';

/** A frame of a client in this dialect (SESSIONS.md). */
export type ClientFrame =
  | { readonly type: 'USER_MESSAGE'; readonly content: string; readonly id: string | undefined }
  | { readonly type: 'PAYMENT_RESPONSE'; readonly approved: boolean; readonly requestId: string | undefined }
  | { readonly type: 'CANCEL_SESSION' };

/** Finds what no agent's client could take: nesting too deep, text that is not Unicode. */
const checkJson = payloadCheck(Type.Object({}));

export type ErrorType =
  | 'agent_unavailable'
  | 'payment_declined'
  | 'session_not_found'
  | 'auth_failed'
  | 'internal_error';

/** Reads a frame. @returns what is wrong with it, in words for people, for one that means nothing here */
export function readFrame(text: string): ClientFrame | { readonly fault: string } {
  const frame = parsed(text);
  if (!frame) return { fault: 'Expected a JSON object with type and data.' };
  const checked = checkJson(frame);
  if (!checked.ok) return { fault: checked.message };
  const { type } = frame;
  // Null counts as absent, as everywhere (PROTOCOL.md, section 1).
  const data = frame.data ?? (type === 'CANCEL_SESSION' ? {} : undefined);
  const fields = isObject(data) ? withoutNulls(data) : data;
  if (typeof type !== 'string') return { fault: 'type must be a string.' };
  if (!isObject(fields)) return { fault: 'data must be an object.' };
  switch (type) {
    case 'USER_MESSAGE':
      return userMessage(fields);
    case 'PAYMENT_RESPONSE':
      return paymentResponse(fields);
    case 'CANCEL_SESSION':
      return { type };
    default:
      return { fault: 'type must be one of USER_MESSAGE, PAYMENT_RESPONSE, CANCEL_SESSION.' };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function userMessage({ content, message, id }: Fields) {
  const text = content === undefined ? message : content;
  if (typeof text !== 'string' || text === '') return { fault: 'data.content must be text of at least 1 character.' };
  if (id !== undefined && !isIdText(id)) return { fault: 'data.id must be an id.' };
  return { type: 'USER_MESSAGE', content: text, id } as const;
}

function paymentResponse({ approved, request_id: requestId }: Fields) {
  if (typeof approved !== 'boolean') return { fault: 'data.approved must be true or false.' };
  if (requestId !== undefined && !isIdText(requestId)) return { fault: 'data.request_id must be an id.' };
  return { type: 'PAYMENT_RESPONSE', approved, requestId } as const;
}

const withoutNulls = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

const isIdText = (value: unknown): value is string => typeof value === 'string' && isId(value);

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const frame = (type: string, data: object) => JSON.stringify({ type, data });

/** The frame for an entry of the log; undefined for those that this dialect does not tell. */
export function entryFrame(entry: LogEntry, agent: Session['agent']): string | undefined {
  const { seq } = entry;
  switch (entry.type) {
    case 'agent_message': {
      const { content } = entry;
      return frame('AGENT_MESSAGE', { content, ...(agent && { agent_id: agent.id, agent_name: agent.name }), seq });
    }
    case 'payment_settled': {
      const { amount_usdc, tx_hash, request_id } = entry;
      return frame('PAYMENT_SUCCESSFUL', { amount_usdc, ...(tx_hash && { tx_hash }), request_id, seq });
    }
    case 'payment_response': {
      // An end of the session says by itself that its request is over.
      if (entry.approved || entry.by === 'session_closed') return undefined;
      const message = entry.by === 'expired' ? 'The time to answer is over.' : 'The payment was declined.';
      return errorFrame('payment_declined', message, { request_id: entry.request_id, seq });
    }
    case 'payment_failed': {
      const message = 'The credits do not suffice: nothing was paid.';
      return errorFrame('payment_declined', message, { request_id: entry.request_id, seq });
    }
    case 'session_closed':
      return frame('SESSION_CLOSED', { reason: entry.reason, phase: 'CLOSED', seq });
    case 'user_message':
    case 'payment_request':
      return undefined;
  }
}

export function requestFrame(request: AskedRequest, agent: Session['agent']): string {
  const { amount_usdc, action, description, request_id, seq } = request;
  return frame('PAYMENT_REQUEST', { amount_usdc, agent_name: agent?.name, action, description, request_id, seq });
}

export const errorFrame = (error_type: ErrorType, message: string, more: object = {}) =>
  frame('ERROR', { error_type, message, ...more });
