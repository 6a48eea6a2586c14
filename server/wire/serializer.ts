/** A JSON value, or the bytes of a binary frame. */
export type Payload = unknown;

/** Any JSON value: refs are opaque and go back as they came. */
export type Ref = unknown;

/** A client's message. `topic` and `event` are strings in every message that has an effect. */
export interface ClientMessage {
  readonly joinRef: Ref;
  readonly ref: Ref;
  readonly topic: unknown;
  readonly event: unknown;
  /** `Uint8Array` if it came in a binary frame; a copy that may be kept. */
  readonly payload: Payload;
}

/** Why bytes are no message. The socket that sent them is closed. */
export type WireRefusal = 'not_json' | 'not_a_message' | 'truncated' | 'unknown_kind';

/** A text frame, or a binary one. */
export type Frame = string | Uint8Array;

/** The address of a channel's frames: its topic and join_ref, and both as JSON texts. */
export interface Address {
  readonly topic: string;
  readonly topicJson: string;
  readonly joinRef: Ref;
  readonly joinRefJson: string;
}

/**
 * One version of the Phoenix Channels wire protocol. `decode` is total. Encoders throw `EncodeError` for what the
 * version cannot carry, as Phoenix raises: it is the channel's fault, not the client's.
 */
export interface Serializer {
  readonly name: 'v1' | 'v2' | 'v2_text';
  readonly version: 1 | 2;
  /** @param data text, or the bytes of a binary frame; they may be overwritten after the call */
  decode(data: string | Uint8Array): ClientMessage | WireRefusal;
  /**
   * Reads refs, topic and event alone, and of the payload as little as can be: it is `undefined` here.
   *
   * @returns `undefined` where they cannot be told without reading all of it
   */
  head(data: string | Uint8Array): ClientMessage | undefined;
  /** @param response a JSON value or bytes */
  reply(address: Address, ref: Ref, status: string, response: Payload): Frame;
  /** @param payload an object, or bytes */
  push(address: Address, event: string, payload: Payload): Frame;
  pushJson(address: Address, event: string, payloadJson: string): string;
  /** @param payload JSON text, or bytes; `undefined` if this version has no frame for it */
  broadcast(topic: string, event: string, payload: string | Uint8Array): Frame | undefined;
  /** `phx_close` or `phx_error`: the join_ref is also the ref. */
  ended(topicJson: string, joinRefJson: string, event: 'phx_close' | 'phx_error'): string;
  /** A reply that belongs to no channel; parts are JSON texts. */
  plainReply(joinRefJson: string, refJson: string, topicJson: string, status: string, responseJson: string): string;
}

export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}

/** Levels of nesting that a ref may have, which goes back to the client as it came; so may a topic or an event. */
const MAX_REF_DEPTH = 8;

/** True if a ref can be written back without exhausting the stack. */
export function isRef(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth < MAX_REF_DEPTH && Object.values(value).every((member) => isRef(member, depth + 1));
}

/** JSON text of a value; refs and responses that were left out are `null` and `{}` by then. */
export function json(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

export function isBinary(payload: Payload): payload is Uint8Array {
  return payload instanceof Uint8Array;
}

/** `phx_error` tells that the channel crashed, `phx_close` has nothing to tell. */
export const endedPayload = { phx_close: '{}', phx_error: '{"reason":"channel_crash"}' } as const;

/** @throws EncodeError unless a push's payload is an object */
export function objectJson(payload: Payload): string {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    throw new EncodeError('the payload of a push or broadcast is an object or bytes');
  }
  return JSON.stringify(payload);
}
