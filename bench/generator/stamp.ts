/**
 * A mark in a payload that says who sent it, which of its messages it is, and when: `**`, then digits of base 32 whose
 * characters need no escape in JSON.
 */
export interface Stamp {
  readonly publisher: number;
  /** From 1 on. */
  readonly seq: number;
  /** By the generator's clock (`nowUs`). */
  readonly sentAtUs: number;
}

const MARK = 42;
const ZERO = 43;
const DIGIT_BITS = 5;
const PUBLISHER = { at: 2, digits: 4 };
const SEQ = { at: 6, digits: 6 };
const SENT_AT = { at: 12, digits: 8 };
export const STAMP_BYTES = 20;
/** Digits that fit an integer of 32 bits with room. */
const HALF_DIGITS = 4;
const HALF = 2 ** (HALF_DIGITS * DIGIT_BITS);
const FILLER = 'x';

/** Microseconds of one clock in this process. */
export const nowUs = (): number => Math.floor(performance.now() * 1_000);

/** Writes a stamp at `at`, each byte xored with the mask that a client's frame has there. */
export function writeStamp(bytes: Uint8Array, at: number, stamp: Stamp, mask: Uint8Array, maskAt: number): void {
  bytes[at] = MARK ^ (mask[maskAt & 3] ?? 0);
  bytes[at + 1] = MARK ^ (mask[(maskAt + 1) & 3] ?? 0);
  const write = ({ at: field, digits }: typeof SEQ, value: number) => {
    let rest = value;
    for (let i = digits - 1; i >= 0; i--) {
      const digit = rest % 32;
      rest = (rest - digit) / 32;
      bytes[at + field + i] = (ZERO + digit) ^ (mask[(maskAt + field + i) & 3] ?? 0);
    }
  };
  write(PUBLISHER, stamp.publisher);
  write(SEQ, stamp.seq);
  write(SENT_AT, stamp.sentAtUs);
}

function half(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) value = (value << DIGIT_BITS) | ((bytes[i] ?? 0) - ZERO);
  return value;
}

export const publisherAt = (bytes: Uint8Array, at: number): number => half(bytes, at + PUBLISHER.at, PUBLISHER.digits);
export const seqAt = (bytes: Uint8Array, at: number): number => half(bytes, at + SEQ.at, SEQ.digits);
export const sentAtUsAt = (bytes: Uint8Array, at: number): number =>
  half(bytes, at + SENT_AT.at, HALF_DIGITS) * HALF + half(bytes, at + SENT_AT.at + HALF_DIGITS, HALF_DIGITS);

export const isStampAt = (bytes: Uint8Array, at: number): boolean => bytes[at] === MARK && bytes[at + 1] === MARK;

/** @returns where the stamp begins, -1 without one */
export function findStamp(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i + STAMP_BYTES <= end; i++) if (isStampAt(bytes, i)) return i;
  return -1;
}

/** The text of a payload of `size` bytes in which a stamp has its place at the beginning. */
export function placeholder(size: number): string {
  return String.fromCharCode(MARK, MARK) + FILLER.repeat(Math.max(size, STAMP_BYTES) - 2);
}
