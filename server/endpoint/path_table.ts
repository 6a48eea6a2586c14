import { pathSegments } from '../http/exchange.ts';

/** A place in the table, and what stands for the `:name` segments of its path. */
export interface FoundPath<T> {
  readonly value: T;
  readonly pathParams: Readonly<Record<string, string>>;
}

const NO_PARAMS = {};

/** Values by path. A segment `:name` stands for any one segment; paths without such segments come first. */
export class PathTable<T> {
  readonly #exact = new Map<string, FoundPath<T>>();
  readonly #patterns: { readonly segments: readonly string[]; readonly value: T }[] = [];

  add(path: string, value: T): void {
    const segments = path.split('/').filter((segment) => segment !== '');
    if (segments.some((segment) => segment.startsWith(':'))) this.#patterns.push({ segments, value });
    else this.#exact.set(pathKey(path), { value, pathParams: NO_PARAMS });
  }

  /** @param path of a URL, percent-encoded as it came */
  find(path: string): FoundPath<T> | undefined {
    const exact = this.#exact.get(pathKey(path));
    if (exact || this.#patterns.length === 0) return exact;
    const segments = pathSegments(path);
    for (const pattern of this.#patterns) {
      const pathParams = matched(pattern.segments, segments);
      if (pathParams) return { value: pattern.value, pathParams };
    }
    return undefined;
  }
}

function matched(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of pattern.entries()) {
    const segment = segments[at] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}

/** Empty segments do not count: `/socket//websocket/` is `/socket/websocket`. */
export function pathKey(path: string): string {
  return `/${path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')}`;
}
