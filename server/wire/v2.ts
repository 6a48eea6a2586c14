import {
  type ClientMessage,
  EncodeError,
  endedPayload,
  isBinary,
  isRef,
  json,
  objectJson,
  type Ref,
  type Serializer,
  type WireRefusal,
} from './serializer.ts';

const PUSH = 0;
const REPLY = 1;
const BROADCAST = 2;

/** `[join_ref, ref, topic, event, payload]`, and binary frames with lengths of one byte (PHOENIX.md, "binary"). */
export const v2: Serializer = {
  name: 'v2',
  version: 2,

  decode: (data) =>
    typeof data === 'string'
      ? decodeText(data)
      : decodeBinary(Buffer.from(data.buffer, data.byteOffset, data.byteLength)),

  head: (data) =>
    typeof data === 'string' ? textHead(data) : binaryHead(Buffer.from(data.buffer, data.byteOffset, data.byteLength)),

  reply(address, ref, status, response) {
    if (isBinary(response)) {
      return binaryFrame([REPLY], [text(address.joinRef), text(ref), address.topic, status], response);
    }
    return v2.plainReply(address.joinRefJson, json(ref), address.topicJson, status, json(response));
  },

  push(address, event, payload) {
    if (isBinary(payload)) return binaryFrame([PUSH], [text(address.joinRef), address.topic, event], payload);
    return v2.pushJson(address, event, objectJson(payload));
  },

  pushJson: (address, event, payloadJson) =>
    `[${address.joinRefJson},null,${address.topicJson},${json(event)},${payloadJson}]`,

  broadcast(topic, event, payload) {
    if (isBinary(payload)) return binaryFrame([BROADCAST], [topic, event], payload);
    return `[null,null,${json(topic)},${json(event)},${payload}]`;
  },

  ended: (topicJson, joinRefJson, event) =>
    `[${joinRefJson},${joinRefJson},${topicJson},"${event}",${endedPayload[event]}]`,

  plainReply: (joinRefJson, refJson, topicJson, status, responseJson) =>
    `[${joinRefJson},${refJson},${topicJson},"phx_reply",{"status":"${status}","response":${responseJson}}]`,
};

function decodeText(frame: string): ClientMessage | WireRefusal {
  let parts: unknown;
  try {
    parts = JSON.parse(frame);
  } catch {
    return 'not_json';
  }
  if (!Array.isArray(parts) || parts.length < 5) return 'not_a_message';
  if (!isRef(parts[0]) || !isRef(parts[1]) || !isRef(parts[2]) || !isRef(parts[3])) return 'not_a_message';
  return { joinRef: parts[0], ref: parts[1], topic: parts[2], event: parts[3], payload: parts[4] };
}

/** The longest beginning of a frame that is searched for refs, topic and event. */
const MAX_HEAD = 4_096;
/** Refs that are strings, numbers or null, a topic and an event that are strings: what clients send. */
const HEAD = /^\s*\[\s*(?:(?:null|-?\d{1,15}|"(?:[^"\\]|\\.)*")\s*,\s*){2}(?:"(?:[^"\\]|\\.)*"\s*,\s*){2}/;

function textHead(frame: string): ClientMessage | undefined {
  const head = HEAD.exec(frame.slice(0, MAX_HEAD))?.[0];
  const decoded = head === undefined ? undefined : decodeText(`${head}null]`);
  return typeof decoded === 'object' ? { ...decoded, payload: undefined } : undefined;
}

function decodeBinary(frame: Buffer): ClientMessage | WireRefusal {
  const dataAt = binaryDataAt(frame);
  return typeof dataAt === 'string'
    ? dataAt
    : { ...binaryParts(frame), payload: Uint8Array.from(frame.subarray(dataAt)) };
}

function binaryHead(frame: Buffer): ClientMessage | undefined {
  return typeof binaryDataAt(frame) === 'string' ? undefined : { ...binaryParts(frame), payload: undefined };
}

/** Returns the offset of the data: after the kind, the lengths of four strings, and the strings. */
function binaryDataAt(frame: Buffer): number | WireRefusal {
  if (frame.length < 5) return 'truncated';
  if (frame[0] !== PUSH) return 'unknown_kind';
  const dataAt = 5 + frame.readUInt8(1) + frame.readUInt8(2) + frame.readUInt8(3) + frame.readUInt8(4);
  return dataAt > frame.length ? 'truncated' : dataAt;
}

function binaryParts(frame: Buffer) {
  const joinRefAt = 5;
  const refAt = joinRefAt + frame.readUInt8(1);
  const topicAt = refAt + frame.readUInt8(2);
  const eventAt = topicAt + frame.readUInt8(3);
  const dataAt = eventAt + frame.readUInt8(4);
  return {
    joinRef: frame.toString('utf8', joinRefAt, refAt),
    ref: frame.toString('utf8', refAt, topicAt),
    topic: frame.toString('utf8', topicAt, eventAt),
    event: frame.toString('utf8', eventAt, dataAt),
  };
}

/** A kind, the byte length of every string, the strings, the data. */
function binaryFrame(kind: readonly [number], strings: readonly string[], data: Uint8Array): Uint8Array {
  const parts = strings.map((part) => Buffer.from(part));
  for (const part of parts) {
    if (part.length > 255) throw new EncodeError(`${part.length} bytes do not fit a binary frame's 255`);
  }
  return Buffer.concat([Buffer.from([...kind, ...parts.map((part) => part.length)]), ...parts, data]);
}

/** A ref in a binary frame: `null` is the empty string there. */
function text(ref: Ref): string {
  return typeof ref === 'string' ? ref : ref === null ? '' : json(ref);
}
