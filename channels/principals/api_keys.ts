import { LRUCache } from 'lru-cache';
import type { Store } from '../../server/store/index.ts';
import type { AccountKind } from './account.ts';

export interface KeyOwner {
  readonly kind: AccountKind;
  readonly id: string;
  readonly keyId: string;
}

/** A key found by its digest. Whether it is valid is for its owner's list of keys to say. */
interface FoundKey {
  readonly owner: KeyOwner;
  /** Told at every use; written down at most once a minute. */
  used(): void;
}

const KIND = 'api_key';
const USE_INTERVAL_MS = 60_000;
/** Keys of which the owner is remembered: so many, those that came last. */
const MAX_REMEMBERED = 50_000;

/** Until it is time to note a use again. */
interface Remembered {
  readonly found: FoundKey;
  readonly untilMs: number;
}

/**
 * Finds the owner of an API key by its SHA-256. Whether the key is good is the owner's to say: one that its owner does
 * not list was left behind by a registration that did not come through, and nobody knows it.
 */
export class ApiKeys {
  readonly #store: Store;
  /** By digest. A key's owner never changes. */
  readonly #remembered = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED });

  constructor(store: Store) {
    this.#store = store;
  }

  /** To be written before anybody is told the key, so that one that is known can always be found. */
  async write(sha256: string, { kind, id, keyId }: KeyOwner): Promise<void> {
    const fields = { owner_kind: kind, owner_id: id, key_id: keyId };
    const committed = await this.#store.commit({ kind: KIND, id: sha256 }, 0, { fields });
    if (!committed.ok) throw new Error('Two keys of one digest (fault api-keys-1)');
  }

  async find(sha256: string): Promise<FoundKey | undefined> {
    const known = this.#remembered.get(sha256);
    if (known && performance.now() < known.untilMs) return known.found;
    const { version, nowMs, fields } = await this.#store.read({ kind: KIND, id: sha256 });
    if (version === 0) return undefined;
    const { owner_kind: kind = '', owner_id: id = '', key_id: keyId = '' } = fields;
    const notedForMs = nowMs - Number(fields.last_used_at_ms ?? 0);
    let isNoted = notedForMs < USE_INTERVAL_MS;
    const found = {
      owner: { kind: kind as AccountKind, id, keyId },
      used: () => {
        if (!isNoted) this.#noteUse(sha256, version, nowMs);
        isNoted = true;
      },
    };
    const untilMs = performance.now() + USE_INTERVAL_MS - (isNoted ? notedForMs : 0);
    this.#remembered.set(sha256, { found, untilMs });
    return found;
  }

  /** In the order of `digests`; null: never, as far as is known. */
  async lastUsedAtMs(digests: readonly string[]): Promise<(number | null)[]> {
    const found = await this.#store.readMany(KIND, digests);
    return found.map(({ fields }) => (fields.last_used_at_ms === undefined ? null : Number(fields.last_used_at_ms)));
  }

  /** Best effort and nobody waits for it: of two nodes that note a use at once one loses, which is as good. */
  #noteUse(sha256: string, version: number, nowMs: number): void {
    this.#store
      .commit({ kind: KIND, id: sha256 }, version, { fields: { last_used_at_ms: String(nowMs) } })
      .catch(() => this.#remembered.delete(sha256));
  }
}
