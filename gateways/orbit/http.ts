import {
  corsOf,
  type Exchange,
  type HttpAnswer,
  httpRefusal,
  jsonAnswer,
  type OriginPolicy,
  optionsAnswer,
  originAllowed,
  problem,
} from '../../server/http/index.ts';

export interface OrbitHttpOptions {
  readonly origins: OriginPolicy;
  /** Open sockets on this node. */
  readonly activeConnections: () => number;
}

const METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Answers HTTP on the port of the dialect: `/health`, and nothing else. */
export function orbitHttp({ origins, activeConnections }: OrbitHttpOptions): (exchange: Exchange) => void {
  const answerTo = (exchange: Exchange): HttpAnswer => {
    if (exchange.segments.join('/') !== 'health') return problem(httpRefusal('not_found'));
    if (exchange.method === 'OPTIONS') return optionsAnswer(exchange, METHODS, []);
    if (!METHODS.includes(exchange.method)) {
      return problem(httpRefusal('method_not_allowed'), { headers: { allow: METHODS.join(', ') } });
    }
    return jsonAnswer(200, {
      status: 'healthy',
      service: 'ORBIT WebSocket Server',
      active_connections: activeConnections(),
      timestamp: new Date().toISOString(),
    });
  };
  return (exchange) => {
    const cors = corsOf(exchange, origins);
    const answer = cors.allowed ? answerTo(exchange) : problem(httpRefusal('forbidden'));
    exchange.respond({ ...answer, headers: { ...answer.headers, ...cors.headers } });
  };
}

/**
 * Tells whether a `Host` header names this server: by a name of the machine for itself, its own address, or the host of an
 * allowed origin, on any port.
 *
 * @param names hosts as origins have them, IPv6 in brackets
 */
export function hostCheck(origins: readonly string[], names: readonly string[]): (host: string | undefined) => boolean {
  const hosts = origins.map((origin) => origin.replace(/^[a-z][a-z0-9+.-]*:/i, '').replace(/:\d+$/, ''));
  const policy = [...['localhost', ...names].map((name) => `//${name}`), ...hosts];
  return (host) => {
    if (host === undefined || /[/@?#\\\s]/.test(host) || !URL.canParse(`http://${host}`)) return false;
    return originAllowed(policy, new URL(`http://${host}`).origin, undefined);
  };
}
