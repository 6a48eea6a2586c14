import type { Awaitable } from '../answer.ts';
import type { Refusal } from '../refusal.ts';
import type { Exchange, HttpAnswer } from './exchange.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One method on one path. `P`: whom the application's `authenticate` finds behind a credential. */
export type Route<P> = SecuredRoute<P> | OpenRoute<P>;

interface RouteAddress {
  readonly method: Method;
  /** Segments; one that starts with `:` is a parameter: `/api/agents/:id/keys`. */
  readonly path: string;
}

/** For those with a good credential; others get 401. */
export interface SecuredRoute<P> extends RouteAddress {
  readonly access?: 'authenticated';
  /** A header that may hold the credential alone, in lower case: `x-api-key`; `Authorization` goes before it. */
  readonly credentialHeader?: string;
  readonly handle: (call: Call<P>) => Awaitable<HttpAnswer | Refusal>;
}

/** For anybody. */
export interface OpenRoute<P> extends RouteAddress {
  readonly access: 'anybody';
  /** True if it stays out of the rate limit, as what a load balancer asks should. */
  readonly unlimited?: boolean;
  readonly handle: (call: Call<P | undefined>) => Awaitable<HttpAnswer | Refusal>;
}

export interface Call<P> {
  readonly principal: P;
  readonly exchange: Exchange;
  /** The text that the path has for a parameter, percent-decoded: never empty, otherwise unchecked. */
  param(name: string): string;
}

export interface Match<P> {
  /** By method; empty if nothing is at this path. */
  readonly routes: ReadonlyMap<string, Route<P>>;
  readonly params: ReadonlyMap<string, string>;
}

/** Finds the routes of a path; a path is matched by the first one in the table that fits. */
export class RouteTable<P> {
  readonly #paths: { readonly segments: readonly string[]; readonly routes: Map<string, Route<P>> }[] = [];

  constructor(routes: readonly Route<P>[]) {
    for (const route of routes) {
      const segments = route.path.split('/').filter((segment) => segment !== '');
      const same = this.#paths.find((path) => path.segments.join('/') === segments.join('/'));
      const byMethod = same?.routes ?? new Map<string, Route<P>>();
      if (byMethod.has(route.method)) throw new Error(`Two routes for ${route.method} ${route.path}`);
      byMethod.set(route.method, route);
      if (!same) this.#paths.push({ segments, routes: byMethod });
    }
  }

  match(segments: readonly string[]): Match<P> | undefined {
    for (const path of this.#paths) {
      if (path.segments.length !== segments.length) continue;
      const fits = path.segments.every((segment, at) => segment.startsWith(':') || segment === segments[at]);
      if (!fits) continue;
      const params = new Map<string, string>();
      path.segments.forEach((segment, at) => {
        if (segment.startsWith(':')) params.set(segment.slice(1), segments[at] ?? '');
      });
      return { routes: path.routes, params };
    }
    return undefined;
  }
}

/** Methods that a path takes, for `Allow`. */
export function methodsOf<P>({ routes }: Match<P>): string[] {
  return [...routes.keys(), ...(routes.has('GET') ? ['HEAD'] : []), 'OPTIONS'];
}
