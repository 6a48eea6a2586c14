import { LRUCache } from 'lru-cache';
import { RateLimit } from './rate_limit.ts';
import type { Rate } from './token_bucket.ts';

/** Credentials whose account is remembered. */
const MAX_CREDENTIALS = 50_000;

/**
 * Limits HTTP requests, opening a socket included (PROTOCOL.md, section 2, `HTTP_RATE_LIMIT`). Each account has its own
 * allowance, whatever others at its address do; requests without a valid credential count for the address.
 */
export class RequestAllowance {
  readonly #accounts: RateLimit;
  readonly #addresses: RateLimit;
  readonly #accountOf = new LRUCache<string, string>({ max: MAX_CREDENTIALS });

  /** @param nowMs a clock that only goes forward; specs move it */
  constructor(rate: Rate, nowMs?: () => number) {
    const limit = () => new RateLimit(rate, nowMs ? { nowMs } : {});
    this.#accounts = limit();
    this.#addresses = limit();
  }

  /** Takes a request of an account. @returns 0, or the milliseconds until there is one */
  takeOfAccount(account: string): number {
    return this.#accounts.take(account);
  }

  takeOfAddress(address: string): number {
    return this.#addresses.take(address);
  }

  /** The account that a credential was last good for, by the credential's digest. */
  accountOf(credentialDigest: string): string | undefined {
    return this.#accountOf.get(credentialDigest);
  }

  remember(credentialDigest: string, account: string): void {
    this.#accountOf.set(credentialDigest, account);
  }

  /** Forgets the account of a credential that is no longer valid. */
  forget(credentialDigest: string): void {
    this.#accountOf.delete(credentialDigest);
  }
}
