import { BlockList, isIP } from 'node:net';

/** The load balancers whose `X-Forwarded-For` counts, by address and by range. */
export class TrustedProxies {
  readonly #list = new BlockList();
  /** True if no proxy is trusted. */
  readonly isEmpty: boolean;

  /** @param places IPv4 or IPv6 addresses, and ranges like `10.0.0.0/8`, as `isAddressOrRange` takes them */
  constructor(places: readonly string[] = []) {
    this.isEmpty = places.length === 0;
    for (const place of places) {
      const [address = '', bits] = place.split('/');
      if (bits === undefined) this.#list.addAddress(address, familyOf(address));
      else this.#list.addSubnet(address, Number(bits), familyOf(address));
    }
  }

  /** @param address in any spelling; what is no address is not trusted */
  has(address: string): boolean {
    return isIP(address) !== 0 && this.#list.check(address, familyOf(address));
  }
}

export function isAddressOrRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const maxBits = { 4: 32, 6: 128 }[isIP(address)];
  if (maxBits === undefined || address.includes('%') || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= maxBits);
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
