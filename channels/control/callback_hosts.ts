import { BlockList, isIP } from 'node:net';

/** Where a callback goes: an address that `CALLBACK_HOSTS` lists. */
export interface CallbackTarget {
  readonly url: URL;
  readonly port: number;
  /** The URL's host without the brackets of an IPv6 address. */
  readonly host: string;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 };

/** Longest URL of a callback, in characters. */
export const MAX_URL_LENGTH = 2_048;

/**
 * The hosts that callbacks may go to (VISUALISATION.md, 9.8): names and IP literals as the URL parser gives them, each with
 * the port it is listed with; without one, the scheme's.
 */
export class CallbackHosts {
  readonly #entries: ReadonlySet<string>;

  constructor(entries: readonly string[]) {
    this.#entries = new Set(entries);
  }

  /** Reads a callback's address; `undefined` unless it is listed. */
  target(text: string): CallbackTarget | undefined {
    const url = text.length <= MAX_URL_LENGTH ? urlOf(text) : undefined;
    if (!url) return undefined;
    const scheme = DEFAULT_PORTS[url.protocol];
    if (scheme === undefined || url.username !== '' || url.password !== '') return undefined;
    const { hostname } = url;
    const host = hostname.replace(/^\[|\]$/g, '');
    if (url.protocol === 'http:' && isIP(host) === 0 && hostname !== 'localhost') return undefined;
    const port = url.port === '' ? scheme : Number(url.port);
    return this.#lists(hostname, port, scheme) ? { url, port, host } : undefined;
  }

  /**
   * Tells whether a callback may connect to an address that its name stands for: a public one, or one that is listed itself.
   * `localhost` may be this machine where it is listed.
   */
  mayConnect({ url, port }: CallbackTarget, address: string): boolean {
    if (isIP(address) === 0 || address.includes('%')) return false;
    if (isPublic(address)) return true;
    if (url.hostname === 'localhost') return isLoopback(address);
    const scheme = DEFAULT_PORTS[url.protocol];
    return scheme !== undefined && this.#lists(hostnameOf(address), port, scheme);
  }

  #lists(hostname: string, port: number, schemePort: number): boolean {
    return this.#entries.has(`${hostname}:${port}`) || (port === schemePort && this.#entries.has(hostname));
  }
}

/** True for `host` or `host:port` as the URL parser gives them. */
export function isCallbackHost(entry: string): boolean {
  const [, hostname = '', port] = /^(\[[0-9a-f:]+\]|[0-9a-z._-]+)(?::([1-9]\d{0,4}))?$/.exec(entry) ?? [];
  const url = urlOf(`https://${hostname}/`);
  return hostname !== '' && url?.hostname === hostname && url.pathname === '/' && Number(port ?? 1) <= 65_535;
}

const urlOf = (text: string) => (URL.canParse(text) ? new URL(text) : undefined);

/** An address as the URL parser gives it: without leading zeros, IPv6 in brackets and at its shortest. */
function hostnameOf(address: string): string {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return urlOf(`http://${host}/`)?.hostname ?? host;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** IPv4 that is nobody's on the internet, by the registry of special-purpose addresses (RFC 6890), and a cloud's metadata. */
const special4 = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special4.addSubnet(net, bits, 'ipv4');

/** IPv6 that is routed; what lies outside is loopback, mapped, translated, local or multicast. */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
/** Within it: protocols (Teredo among them), documentation, and 6to4, which holds an IPv4 address. */
const special6 = new BlockList();
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special6.addSubnet(net, bits, 'ipv6');

/** True for an address that anybody on the internet may connect to. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special4.check(address, 'ipv4');
    case 6:
      return global6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
    default:
      return false;
  }
}

const isLoopback = (address: string) => loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
