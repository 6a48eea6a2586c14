// Not cluster-key-slot (1.1.1), which ioredis brings: for `{}{x}`, and for half a surrogate pair, it gives other slots than Redis.
// A topic may hold either, and a subscription with the wrong master is refused for good.

/** A Redis Cluster has so many slots; each belongs to one master. */
export const SLOTS = 16_384;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** CRC-16/XMODEM, as the Redis Cluster specification has it (appendix A). */
export function crc16(text: string): number {
  let crc = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    if (byte > 0x7f) return crc16OfBytes(Buffer.from(text));
    crc = next(crc, byte);
  }
  return crc;
}

function crc16OfBytes(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) crc = next(crc, byte);
  return crc;
}

const next = (crc: number, byte: number) => ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ byte] as number);

/**
 * The slot of a key or channel: of what stands between the first `{` and the next `}`, if that is anything.
 *
 * @example
 * slotOf('{user1000}.following') === slotOf('user1000') // true
 */
export function slotOf(name: string): number {
  const open = name.indexOf('{');
  const close = open < 0 ? -1 : name.indexOf('}', open + 1);
  return crc16(close > open + 1 ? name.slice(open + 1, close) : name) % SLOTS;
}
