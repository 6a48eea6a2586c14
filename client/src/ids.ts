import { toHex } from './bytes.ts';

/**
 * An id for what this agent makes, so that making it again after a lost answer makes nothing new. Version 7 of RFC 9562: the time
 * first, so that ids sort by it; and a UUID, as apps name things over JSON-RPC (CONVERSATIONS.md).
 */
export function newId(): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const [first = 0, , third = 0] = random;
  random[0] = (first & 0x0f) | 0x70;
  random[2] = (third & 0x3f) | 0x80;
  const hex = toHex([Date.now()], 12) + toHex(random);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
