import type { Failure, Tag } from '../../channels/conversation/rpc.ts';
import { TAGS } from '../../channels/conversation/rpc.ts';
import type { Notification } from '../../channels/conversation/view.ts';
import type { Refusal } from '../../server/index.ts';

/** The id of a request, as it came. */
export type RequestId = number | string;

/** A frame of a client (CONVERSATIONS.md). */
export type ClientFrame =
  | { readonly kind: 'request'; readonly id: RequestId; readonly method: string; readonly params: unknown }
  | { readonly kind: 'ping' }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly code: -32700 | -32600; readonly message: string };

const ENGINE = '@effect/rpc/';
const MAX_ID_LENGTH = 128;

/** Reads a frame. Frames without a method are answers of the client's engine, and ignored. */
export function readFrame(text: string): ClientFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'refused', code: -32700, message: 'Expected JSON.' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'refused', code: -32600, message: 'Expected one request: an object.' };
  }
  const { jsonrpc, id, method, params } = value as Readonly<Record<string, unknown>>;
  if (method === undefined || method === null) return { kind: 'ignored' };
  if (typeof method !== 'string') return refused('method must be a string.');
  if (method === `${ENGINE}Ping`) return { kind: 'ping' };
  if (method.startsWith(ENGINE)) return { kind: 'ignored' };
  if (jsonrpc !== '2.0') return refused('jsonrpc must be "2.0".');
  if (id === undefined || id === null) return { kind: 'ignored' };
  if (!isRequestId(id)) return refused(`id must be a safe integer or a string of 1 to ${MAX_ID_LENGTH} characters.`);
  return { kind: 'request', id, method, params };
}

const refused = (message: string) => ({ kind: 'refused', code: -32600, message }) as const;

function isRequestId(id: unknown): id is RequestId {
  if (typeof id === 'string') return id.length >= 1 && id.length <= MAX_ID_LENGTH && id.isWellFormed();
  return Number.isSafeInteger(id);
}

export const PONG = JSON.stringify({ jsonrpc: '2.0', method: `${ENGINE}Pong` });

export const BINARY_REFUSED = { code: -32600, message: 'Expected a text frame.' } as const;

export const resultFrame = (id: RequestId, result: unknown) => JSON.stringify({ jsonrpc: '2.0', id, result });

/** An error that no row lists. */
export function plainErrorFrame(
  id: RequestId | null,
  { code, message, data }: { readonly code: number; readonly message: string; readonly data?: object },
): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data } });
}

/** An error of a row, in the form that the engine under the system's client reads as a typed one. */
export function taggedErrorFrame(id: RequestId, { tag, message, data }: Failure<Tag>, own: object = {}): string {
  const error = { _tag: tag, ...(message !== undefined && { message }), ...(data && { data }), ...own };
  const text = message ?? tag;
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: { _tag: 'Cause', code: TAGS[tag].code, message: text, data: { _tag: 'Fail', error } },
  });
}

const encoded = new WeakMap<Notification, string>();

/** Encoded once for all sockets that get the same notification. */
export function notificationFrame(notification: Notification): string {
  const known = encoded.get(notification);
  if (known !== undefined) return known;
  const { method, params } = notification;
  const frame = JSON.stringify({ jsonrpc: '2.0', method, params });
  encoded.set(notification, frame);
  return frame;
}

export const codes = {
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  rateLimited: -32005,
  unavailable: -32006,
} as const;

/** A plain error for params that a schema refuses. */
export const invalidParams = ({ message, details }: Refusal) => ({
  code: codes.invalidParams,
  message,
  data: { details: details ?? [] },
});
