import {
  type ClientMessage,
  EncodeError,
  endedPayload,
  isBinary,
  isRef,
  json,
  type Serializer,
  type WireRefusal,
} from './serializer.ts';

/** `{topic, event, payload, ref}`; a client may add `join_ref`, the server never does. It has no binary frames. */
export const v1: Serializer = {
  name: 'v1',
  version: 1,

  // A binary WebSocket frame that holds JSON is read like a text one, as Phoenix does.
  decode: (data) => decodeText(typeof data === 'string' ? data : Buffer.from(data).toString()),

  // Keys come in any order, so all of it has to be read.
  head: () => undefined,

  reply(address, ref, status, response) {
    if (isBinary(response))
      throw new EncodeError('Protocol 1.0.0 cannot carry bytes: send an object, or connect with vsn=2.0.0');
    return v1.plainReply(address.joinRefJson, json(ref), address.topicJson, status, json(response));
  },

  push(address, event, payload) {
    if (isBinary(payload))
      throw new EncodeError('Protocol 1.0.0 cannot carry bytes: send an object, or connect with vsn=2.0.0');
    return v1.pushJson(address, event, json(payload));
  },

  pushJson: (address, event, payloadJson) => message(address.topicJson, json(event), payloadJson, 'null'),

  broadcast(topic, event, payload) {
    return isBinary(payload) ? undefined : message(json(topic), json(event), payload, 'null');
  },

  ended: (topicJson, joinRefJson, event) => message(topicJson, `"${event}"`, endedPayload[event], joinRefJson),

  plainReply: (_joinRefJson, refJson, topicJson, status, responseJson) =>
    message(topicJson, '"phx_reply"', `{"status":"${status}","response":${responseJson}}`, refJson),
};

function message(topicJson: string, eventJson: string, payloadJson: string, refJson: string): string {
  return `{"topic":${topicJson},"event":${eventJson},"payload":${payloadJson},"ref":${refJson}}`;
}

function decodeText(frame: string): ClientMessage | WireRefusal {
  let map: unknown;
  try {
    map = JSON.parse(frame);
  } catch {
    return 'not_json';
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return 'not_a_message';
  const { topic, event, payload, ref, join_ref: joinRef = null } = map as Record<string, unknown>;
  // JSON has no `undefined`, so that is a key which is not there.
  if (topic === undefined || event === undefined || payload === undefined || ref === undefined) return 'not_a_message';
  if (![joinRef, ref, topic, event].every((part) => isRef(part))) return 'not_a_message';
  return { joinRef, ref, topic, event, payload };
}
