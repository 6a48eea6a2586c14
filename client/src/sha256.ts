import { toHex } from './bytes.ts';

// FIPS 180-4. WebCrypto has no SHA-256 that can be fed piece by piece, and a stream must not be held for its checksum.

/** The first 32 bits of the fractional parts of the n-th roots of the first primes. */
function roots(count: number, power: number): Uint32Array {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    let isPrime = true;
    for (let factor = 2; factor * factor <= candidate; factor++) if (candidate % factor === 0) isPrime = false;
    if (isPrime) found.push((candidate ** power % 1) * 2 ** 32);
  }
  return Uint32Array.from(found);
}

const K = roots(64, 1 / 3);
const INITIAL = roots(8, 1 / 2);

type Eight = [number, number, number, number, number, number, number, number];

const rotated = (word: number, by: number) => (word >>> by) | (word << (32 - by));

/** SHA-256 that is fed piece by piece. */
export class Sha256 {
  readonly #state = INITIAL.slice();
  readonly #block = new Uint8Array(64);
  readonly #words = new Uint32Array(64);
  #bytes = 0;

  /** Bytes so far. */
  get size(): number {
    return this.#bytes;
  }

  update(bytes: Uint8Array): this {
    for (let at = 0; at < bytes.length; ) {
      const used = this.#bytes % 64;
      const piece = bytes.subarray(at, at + 64 - used);
      this.#block.set(piece, used);
      this.#bytes += piece.length;
      at += piece.length;
      if (this.#bytes % 64 === 0) this.#compress();
    }
    return this;
  }

  /** 64 lower-case hex digits. Nothing can be fed afterwards. */
  hex(): string {
    const bits = this.#bytes * 8;
    const used = this.#bytes % 64;
    const padding = new Uint8Array((used < 56 ? 64 : 128) - used);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setBigUint64(padding.length - 8, BigInt(bits));
    this.update(padding);
    return toHex(this.#state, 8);
  }

  #compress(): void {
    const w = this.#words;
    const view = new DataView(this.#block.buffer);
    for (let t = 0; t < 16; t++) w[t] = view.getUint32(4 * t);
    for (let t = 16; t < 64; t++) {
      const [w2, w15] = [w[t - 2] as number, w[t - 15] as number];
      const small0 = rotated(w15, 7) ^ rotated(w15, 18) ^ (w15 >>> 3);
      const small1 = rotated(w2, 17) ^ rotated(w2, 19) ^ (w2 >>> 10);
      w[t] = small0 + small1 + (w[t - 7] as number) + (w[t - 16] as number);
    }
    let [a, b, c, d, e, f, g, h] = this.#state as unknown as Eight;
    for (let t = 0; t < 64; t++) {
      const big1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
      const t1 = (h + big1 + ((e & f) ^ (~e & g)) + (K[t] as number) + (w[t] as number)) | 0;
      const big0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
      const t2 = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    const added: Eight = [a, b, c, d, e, f, g, h];
    this.#state.set(this.#state.map((word, at) => word + (added[at] as number)));
  }
}
