import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { TokenBucket } from './token_bucket.ts';

/** So many refusals within the window are answered as what they are. */
const FREE_REFUSALS = 10;
const WINDOW_MS = 10_000;
const HELD_MS = 60_000;
/** Of credentials that have to be looked up, for a held address. */
const LOOK_UPS = { perSecond: 10, burst: 10 };
/** One line of the log a second and address. */
const LINES = { perSecond: 1, burst: 1 };
/** Addresses that are remembered at once. */
const MAX_ADDRESSES = 50_000;

interface Remembered {
  windowStartMs: number;
  refusals: number;
  heldUntilMs: number;
  readonly lookUps: TokenBucket;
  readonly lines: TokenBucket;
  unloggedRefusals: number;
}

/**
 * Addresses whose connects are refused again and again (PROTOCOL.md, section 2, "Refused connects"). IPv6 addresses
 * count by their /64.
 *
 * Times are milliseconds of one clock that only goes forward.
 */
export class RefusedConnects {
  readonly #addresses = new LRUCache<string, Remembered>({ max: MAX_ADDRESSES });

  /** Counts a refused connect. @returns milliseconds for which the address is held, 0 if it is not */
  refused(address: string, nowMs: number): number {
    const remembered = this.#remember(address, nowMs);
    if (nowMs - remembered.windowStartMs >= WINDOW_MS) {
      remembered.windowStartMs = nowMs;
      remembered.refusals = 0;
    }
    remembered.refusals++;
    const heldForMs = remembered.heldUntilMs - nowMs;
    if (heldForMs > 0) return heldForMs;
    if (remembered.refusals <= FREE_REFUSALS) return 0;
    remembered.heldUntilMs = nowMs + HELD_MS;
    return HELD_MS;
  }

  /** True if a credential that this node has not seen good may be looked up for the address. */
  mayLookUp(address: string, nowMs: number): boolean {
    const remembered = this.#addresses.get(networkOf(address));
    if (!remembered || remembered.heldUntilMs <= nowMs) return true;
    if (remembered.lookUps.waitMs(1, nowMs) > 0) return false;
    remembered.lookUps.take(1, nowMs);
    return true;
  }

  /**
   * True if the log gets a line for a refusal that was counted.
   *
   * @returns how many went without a line since the last one, or `undefined` for no line
   */
  line(address: string, nowMs: number): number | undefined {
    const remembered = this.#remember(address, nowMs);
    if (remembered.lines.waitMs(1, nowMs) > 0) {
      remembered.unloggedRefusals++;
      return undefined;
    }
    remembered.lines.take(1, nowMs);
    const { unloggedRefusals } = remembered;
    remembered.unloggedRefusals = 0;
    return unloggedRefusals;
  }

  #remember(address: string, nowMs: number): Remembered {
    const key = networkOf(address);
    let remembered = this.#addresses.get(key);
    if (!remembered) {
      const [lookUps, lines] = [new TokenBucket(LOOK_UPS), new TokenBucket(LINES)];
      remembered = { windowStartMs: nowMs, refusals: 0, heldUntilMs: 0, lookUps, lines, unloggedRefusals: 0 };
      this.#addresses.set(key, remembered);
    }
    return remembered;
  }
}

/** An IPv4 address as it is; of an IPv6 address the first 64 bits, which one client has to itself. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = [...before, ...zeros, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.join(':')}::/64`;
}
