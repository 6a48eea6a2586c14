/**
 * Pages that may connect. `any`: all; `same_host`: those of the host that the request names, on any port; else a list of
 * origins, where `//example.com` leaves scheme and port open and `*.` stands for any subdomain. A list may hold `same_host` too.
 */
export type OriginPolicy = 'any' | 'same_host' | readonly string[];

/** Names of one machine for itself: whoever opens a page under one of them may connect under another. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** @param origin the `Origin` header; a client without one is no browser and passes */
export function originAllowed(policy: OriginPolicy, origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || policy === 'any') return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  // `null`, userinfo, a path: not what a browser sends for a page.
  if (!url || url.origin === 'null' || origin.toLowerCase() !== url.origin) return false;
  const allowed = policy === 'same_host' ? [policy] : policy;
  return allowed.some((item) => (item === 'same_host' ? isHost(url.hostname, host) : matches(item, url)));
}

/** True if `text` can stand in a list of allowed origins. */
export function isOriginPattern(text: string): boolean {
  if (!/^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:\*\.)?(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/i.test(text)) return false;
  return URL.canParse(text.replace(/^\/\//, 'http://').replace('//*.', '//'));
}

function matches(allowed: string, url: URL): boolean {
  const [, scheme, wildcard, host = '', port] =
    /^([a-z][a-z0-9+.-]*:)?\/\/(\*\.)?(.+?)(?::(\d+))?$/i.exec(allowed) ?? [];
  if (scheme && scheme.toLowerCase() !== url.protocol) return false;
  // With a scheme the port is pinned, written or not; without one any port will do unless one is written.
  const defaultPort = scheme ? '' : undefined;
  const wanted = port === undefined ? defaultPort : new URL(`${url.protocol}//x:${port}`).port;
  if (wanted !== undefined && wanted !== url.port) return false;
  const name = host.toLowerCase();
  return wildcard ? url.hostname.endsWith(`.${name}`) : isSameHost(url.hostname, name);
}

/** @param host the `Host` header */
function isHost(hostname: string, host: string | undefined): boolean {
  return (
    host !== undefined && URL.canParse(`http://${host}`) && isSameHost(hostname, new URL(`http://${host}`).hostname)
  );
}

function isSameHost(one: string, other: string): boolean {
  return one === other || (LOOPBACK.includes(one) && LOOPBACK.includes(other));
}
