import { type Respond, Turn } from '../server/endpoint/index.ts';
import {
  corsOf,
  httpRefusal,
  type OriginPolicy,
  openExchange,
  problem,
  type TrustedProxies,
} from '../server/http/index.ts';
import type { Exchange, HttpAnswer } from '../server/index.ts';
import { healthy, type NodeNames, notReady } from './operations.ts';

export interface StartingOptions extends NodeNames {
  readonly trustedProxies: TrustedProxies;
  readonly allowedOrigins: OriginPolicy;
}

/** Nothing is read yet. */
const MAX_BODY_BYTES = 0;

/** Answers for a node that waits for its store: it lives, is not ready, and everything else is `unavailable`. */
export function answerWhileStarting(options: StartingOptions): Respond {
  const { trustedProxies, allowedOrigins } = options;
  const turn = new Turn();
  return (res, req) => {
    const exchange = openExchange(res, req, { maxBodyBytes: MAX_BODY_BYTES, trustedProxies, turn, onAnswer() {} });
    const { status, headers, body } = answerTo(exchange, options);
    exchange.respond({
      status,
      headers: { ...headers, ...corsOf(exchange, allowedOrigins).headers },
      ...(body !== undefined && { body }),
    });
  };
}

function answerTo({ method, segments }: Exchange, names: NodeNames): HttpAnswer {
  const path = segments.join('/');
  if (method === 'GET' || method === 'HEAD') {
    if (path === 'health') return healthy(names, 0);
    if (path === 'ready') return notReady(['the node is starting']);
  }
  const headers = { 'retry-after': '1' };
  // The official client throws on a `status` of 503 in the body.
  if (segments.at(-1) === 'longpoll') return { status: 503, headers };
  return problem({ ...httpRefusal('unavailable'), message: 'The node is starting. Try again.' }, { headers });
}
