import { frameworkReasons } from '../refusal.ts';
import { isBinary, type Serializer } from './serializer.ts';
import { v2 } from './v2.ts';

/** Sent in place of bytes that the client should have got. */
const refusal = { reason: 'binary_unsupported', message: frameworkReasons.binary_unsupported };
const refusalJson = JSON.stringify(refusal);

/**
 * V2 over long-poll. Frames travel there as JSON strings, and the official client reads every one of them as a text
 * frame, so bytes cannot reach it. They are refused in so many words instead of being left out: a reply becomes an
 * error, a push or broadcast keeps its event and carries the refusal.
 */
export const v2Text: Serializer = {
  ...v2,
  name: 'v2_text',

  reply(address, ref, status, response) {
    return isBinary(response) ? v2.reply(address, ref, 'error', refusal) : v2.reply(address, ref, status, response);
  },

  push(address, event, payload) {
    return v2.push(address, event, isBinary(payload) ? refusal : payload);
  },

  broadcast(topic, event, payload) {
    return v2.broadcast(topic, event, isBinary(payload) ? refusalJson : payload);
  },
};
