import Type, { type Static } from 'typebox';
import { payloadCheck, type Refusal } from '../../server/index.ts';
import { PrioritySchema } from './envelope.ts';
import { levelOf } from './message.ts';

const MAX_ID_LENGTH = 128;

const ClientMessage = Type.Object({
  id: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_ID_LENGTH })),
  type: Type.Optional(Type.String()),
  action: Type.Optional(Type.String()),
  payload: Type.Optional(Type.Unknown()),
  metadata: Type.Optional(
    Type.Object({
      priority: Type.Optional(PrioritySchema),
      ttl: Type.Optional(Type.Number({ minimum: 0 })),
    }),
  ),
});
const check = payloadCheck(ClientMessage);

const Multiplexed = Type.Object({
  channel: Type.String(),
  sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  message: Type.Object({}),
});
const checkMultiplexed = payloadCheck(Multiplexed);

/** Types that clients of the origin write as an `action`. */
const ACTIONS = new Map([
  ['refresh', 'snapshot.request'],
  ['pause_updates', 'pause_updates'],
  ['resume_updates', 'resume_updates'],
]);

/** A message of a client (VISUALISATION.md, sections 9.2 to 9.8). */
export interface ClientMessage {
  readonly id: string | undefined;
  readonly type: string;
  /** Where its fields are: in `payload`, or in the message itself, as on the system's page. */
  readonly fields: object;
  /** The JSON pointer of the fields. */
  readonly fieldsPath: string;
  readonly payload: unknown;
  readonly level: number;
  readonly ttlMs: number;
  /** Where it came on a channel. */
  readonly on?: { readonly channel: string; readonly sequence: number };
}

/** What is wrong with a message. */
export interface MessageFault {
  readonly message: string;
  readonly requestId?: string | undefined;
  readonly path?: string | undefined;
}

export type ReadMessage =
  | { readonly ok: true; readonly message: ClientMessage }
  | { readonly ok: false; readonly fault: MessageFault };

export function readMessage(text: string): ReadMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, fault: { message: 'Expected JSON.' } };
  }
  if (!isObject(value)) return { ok: false, fault: { message: 'Expected a JSON object.' } };
  if (!Object.hasOwn(value, 'channel') || !Object.hasOwn(value, 'message')) return readPlain(value);
  const checked = checkMultiplexed(value);
  if (!checked.ok) return { ok: false, fault: faultOf(checked, '', undefined) };
  const { channel, sequence, message } = checked.payload as Static<typeof Multiplexed>;
  const read = readPlain(message);
  return read.ok ? { ok: true, message: { ...read.message, on: { channel, sequence } } } : read;
}

function readPlain(value: object): ReadMessage {
  const checked = check(value);
  if (!checked.ok) return { ok: false, fault: faultOf(checked, '', idOf(value)) };
  const { id, type, action, payload, metadata } = checked.payload as Static<typeof ClientMessage>;
  const name = type ?? (action === undefined ? undefined : ACTIONS.get(action));
  if (name === undefined) return { ok: false, fault: { message: 'type must be given.', requestId: id, path: '/type' } };
  const isEnveloped = isObject(payload);
  return {
    ok: true,
    message: {
      id,
      type: name,
      fields: isEnveloped ? payload : value,
      fieldsPath: isEnveloped ? '/payload' : '',
      payload,
      level: levelOf(metadata?.priority ?? 'normal'),
      ttlMs: metadata?.ttl ?? Number.POSITIVE_INFINITY,
    },
  };
}

/** @param at the JSON pointer of what was checked */
export function faultOf({ message, details }: Refusal, at: string, requestId: string | undefined): MessageFault {
  const first: unknown = Array.isArray(details) ? details[0] : undefined;
  const path = isObject(first) && 'path' in first && typeof first.path === 'string' ? at + first.path : undefined;
  return { message, requestId, path };
}

/** The id that the answer to a message without a fault in it names. */
function idOf(value: object): string | undefined {
  const id = 'id' in value ? value.id : undefined;
  return typeof id === 'string' && id.length <= MAX_ID_LENGTH && id.isWellFormed() ? id : undefined;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
