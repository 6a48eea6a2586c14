import type { Payload, Ref, Serializer } from '../wire/serializer.ts';
import { isBinary, json, objectJson } from '../wire/serializer.ts';
import { v2 } from '../wire/v2.ts';
import type { Transport } from './transport.ts';

/** A message as a client without a network gets it. */
export type Received =
  | { readonly kind: 'reply'; readonly ref: Ref; readonly status: string; readonly payload: Payload }
  | { readonly kind: 'push' | 'broadcast'; readonly event: string; readonly payload: Payload }
  | { readonly kind: 'ended'; readonly event: string };

/** A frame as text, with bytes set apart so that they come back as bytes. */
function frame(received: object, payload: Payload): string {
  return json(
    isBinary(payload) ? { ...received, base64: Buffer.from(payload).toString('base64') } : { ...received, payload },
  );
}

/** Writes what `read` reads; it takes and refuses the payloads that protocol 2.0.0 does. */
export const recordingSerializer: Serializer = {
  ...v2,
  reply: (_, ref, status, response) => frame({ kind: 'reply', ref, status }, response),
  push: (_, event, payload) =>
    frame({ kind: 'push', event }, isBinary(payload) ? payload : JSON.parse(objectJson(payload))),
  pushJson: (_, event, payloadJson) => frame({ kind: 'push', event }, JSON.parse(payloadJson)),
  broadcast: (_, event, payload) =>
    frame({ kind: 'broadcast', event }, isBinary(payload) ? payload : JSON.parse(payload)),
  ended: (_topic, _joinRef, event) => frame({ kind: 'ended', event }, {}),
  plainReply: (_joinRef, refJson, _topic, status, responseJson) =>
    frame({ kind: 'reply', ref: JSON.parse(refJson), status }, JSON.parse(responseJson)),
};

function read(text: string): Received {
  const { base64, ...received } = JSON.parse(text);
  return base64 === undefined ? received : { ...received, payload: new Uint8Array(Buffer.from(base64, 'base64')) };
}

/** A transport that hands over what would go to the client. */
export function recordingTransport(name: Transport['name'], received: (what: Received) => void): Transport {
  const send: Transport['send'] = (text) => received(read(String(text)));
  return {
    name,
    send,
    sendExcused: send,
    // No native publisher: every broadcast comes by `send`.
    subscribe: () => false,
    unsubscribe() {},
    publishOthers() {},
    mindBacklog() {},
    writable: () => undefined,
    ping() {},
    close() {},
  };
}
