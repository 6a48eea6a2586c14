import type { Broadcast } from './port.ts';

/**
 * A broadcast as it travels through the broker:
 *
 *     kind (1 byte: 0 text, 1 bytes) | length, node id | length (2 bytes), event | payload
 *
 * The payload is copied, never parsed.
 */
export function encodeFrame(nodeId: Uint8Array, { event, payload }: Broadcast): Buffer {
  const isText = typeof payload === 'string';
  const eventBytes = Buffer.byteLength(event);
  if (eventBytes > 0xffff) throw new RangeError('event name over 65535 bytes');
  const payloadBytes = isText ? Buffer.byteLength(payload) : payload.byteLength;

  const frame = Buffer.allocUnsafe(4 + nodeId.length + eventBytes + payloadBytes);
  frame[0] = isText ? 0 : 1;
  frame[1] = nodeId.length;
  frame.set(nodeId, 2);
  let at = 2 + nodeId.length;
  at = frame.writeUInt16BE(eventBytes, at);
  at += frame.write(event, at);
  if (isText) frame.write(payload, at);
  else frame.set(payload, at);
  return frame;
}

/** The node id's bytes come from here, so that they fit the frame. @throws RangeError over 255 bytes */
export function nodeIdBytes(nodeId: string): Buffer {
  const bytes = Buffer.from(nodeId);
  if (bytes.length === 0 || bytes.length > 255) throw new RangeError('a node id has 1 to 255 bytes of UTF-8');
  return bytes;
}

export function isFrameOf(nodeId: Uint8Array, frame: Buffer): boolean {
  return frame[1] === nodeId.length && frame.subarray(2, 2 + nodeId.length).equals(nodeId);
}

/** @returns undefined for what no node of this version has sent. */
export function decodeFrame(frame: Buffer): { readonly nodeId: string; readonly message: Broadcast } | undefined {
  const [kind, nodeLength] = frame;
  if ((kind !== 0 && kind !== 1) || nodeLength === undefined) return undefined;
  const eventAt = 4 + nodeLength;
  if (frame.length < eventAt) return undefined;
  const payloadAt = eventAt + frame.readUInt16BE(eventAt - 2);
  if (frame.length < payloadAt) return undefined;

  const event = frame.toString('utf8', eventAt, payloadAt);
  const payload = kind === 0 ? frame.toString('utf8', payloadAt) : frame.subarray(payloadAt);
  return { nodeId: frame.toString('utf8', 2, 2 + nodeLength), message: { event, payload } };
}
