import { createHmac } from 'node:crypto';
import { equalSecrets } from '../../../crypto/secrets.ts';
import type { ListPosition } from './order.ts';

const MAX_CURSOR_LENGTH = 512;
/** 128 bits. */
const MAC_CHARACTERS = 22;

/**
 * Writes and reads the cursors of lists. One says where a page ended, and is signed with whose it is and which query it
 * belongs to: no other is taken, and what it says was never made up.
 */
export class Cursors {
  readonly #secret: string;

  /** @param secret the deployment's token secret, so that every node takes what another has written */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** @param binding whose list it is, and which query */
  write(binding: string, { atMs, id }: ListPosition): string {
    return Buffer.from(JSON.stringify([atMs, id, this.#mac(binding, atMs, id)])).toString('base64url');
  }

  /** @returns `undefined` for what `write` has not made with the same binding */
  read(binding: string, cursor: string): ListPosition | undefined {
    if (cursor.length > MAX_CURSOR_LENGTH) return undefined;
    try {
      const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
      if (!Array.isArray(parts) || parts.length !== 3) return undefined;
      const [atMs, id, mac] = parts as unknown[];
      if (typeof atMs !== 'number' || typeof id !== 'string' || typeof mac !== 'string') return undefined;
      return equalSecrets(mac, this.#mac(binding, atMs, id)) ? { atMs, id } : undefined;
    } catch {
      return undefined;
    }
  }

  #mac(binding: string, atMs: number, id: string): string {
    const text = JSON.stringify(['list-cursor', binding, atMs, id]);
    return createHmac('sha256', this.#secret).update(text).digest('base64url').slice(0, MAC_CHARACTERS);
  }
}
