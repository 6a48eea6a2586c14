/** Address of Redis, as `REDIS_URL` gives it. */
export type RedisAddress =
  | { readonly kind: 'single'; readonly url: string; readonly place: string }
  | (Several & { readonly kind: 'sentinel'; readonly master: string; readonly db: number })
  | (Several & { readonly kind: 'cluster' });

interface Several {
  readonly hosts: readonly Host[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Password of the sentinels, if they have one of their own. */
  readonly sentinelPassword: string | undefined;
  readonly tls: boolean;
  /** For people: no credentials. */
  readonly place: string;
}

export interface Host {
  readonly host: string;
  readonly port: number;
}

const SEVERAL =
  /^redis(?<tls>s?)\+(?<kind>sentinel|cluster):\/\/(?:(?<user>[^@/]*)@)?(?<hosts>[^/?#]+)(?<path>[^?#]*)(?:\?(?<query>[^#]*))?$/;

/**
 * Reads `redis://…`, `redis+sentinel://host:port,…/<master name>[/<db>]` and `redis+cluster://host:port,…`; each with
 * `rediss` for TLS and `user:password@` as in any URL. `?sentinel_password=` is the sentinels' own.
 *
 * @returns undefined for anything else
 */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const parts = SEVERAL.exec(url)?.groups;
  if (!parts) return /^rediss?:\/\/./.test(url) && URL.canParse(url) ? single(url) : undefined;
  const { kind } = parts;
  const hosts = (parts.hosts ?? '').split(',').map((text) => readHost(text, kind === 'sentinel' ? 26_379 : 6_379));
  const credentials = readCredentials(parts.user);
  if (!hosts.every((host) => host !== undefined) || !credentials) return undefined;
  const several = {
    ...credentials,
    hosts,
    tls: parts.tls === 's',
    sentinelPassword: new URLSearchParams(parts.query).get('sentinel_password') ?? undefined,
    place: parts.hosts ?? '',
  };
  const path = (parts.path ?? '').split('/').filter((segment) => segment !== '');
  if (kind === 'cluster') return path.length === 0 ? { kind, ...several } : undefined;
  const [master, db = '0', more] = path;
  if (!master || more !== undefined || !/^\d{1,3}$/.test(db)) return undefined;
  return { kind: 'sentinel', ...several, master, db: Number(db) };
}

function single(url: string): RedisAddress {
  const { host, pathname } = new URL(url);
  return { kind: 'single', url, place: host || pathname };
}

function readHost(text: string, defaultPort: number): Host | undefined {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const number = port === undefined ? defaultPort : Number(port);
  return host && number > 0 && number < 65_536 ? { host: host.replace(/^\[|\]$/g, ''), port: number } : undefined;
}

function readCredentials(user: string | undefined): Pick<Several, 'username' | 'password'> | undefined {
  const [username = '', ...rest] = user?.split(':') ?? [];
  try {
    const read = (text: string) => decodeURIComponent(text) || undefined;
    return { username: read(username), password: read(rest.join(':')) };
  } catch {
    return undefined;
  }
}
