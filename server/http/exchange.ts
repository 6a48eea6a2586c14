import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Turn } from '../runtime/turn.ts';
import { reasonPhrase } from './reason_phrase.ts';
import type { TrustedProxies } from './trusted_proxies.ts';

/** One HTTP request and its answer, usable after the handler has returned. */
export interface Exchange {
  readonly method: string;
  /** The path without its empty segments: `['api', 'agents', 'a-1']`, percent-decoded. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  /** The peer's address as text, as the socket has it. */
  readonly peer: string;
  /** The client's address: behind a trusted proxy the one that it names in `X-Forwarded-For`. */
  readonly address: string;
  header(name: string): string | undefined;
  /** True if somebody waits for an answer. */
  isOpen(): boolean;
  /** The whole body; `too_large` as soon as it is, `aborted` if the client went away. */
  body(): Promise<Buffer | 'too_large' | 'aborted'>;
  /** Answers once; later calls and calls after the client went away do nothing. */
  respond(answer: HttpAnswer): void;
  /** Calls back if the client goes away before it is answered. */
  onAborted(listener: () => void): void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as UTF-8, or bytes. */
  readonly body?: string | Uint8Array;
}

export interface ExchangeOptions {
  readonly maxBodyBytes: number;
  readonly trustedProxies: TrustedProxies;
  /** Told of each answer that goes out. */
  readonly onAnswer: (status: number) => void;
  readonly turn: Turn;
}

/** Copies what a handler needs: uWebSockets.js' request object is gone once the handler returns. */
export function openExchange(res: HttpResponse, req: HttpRequest, options: ExchangeOptions): Exchange {
  const method = req.getMethod().toUpperCase();
  const headers = new Map<string, string>();
  req.forEach((name, value) => {
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  });
  const peer = addressText(res.getRemoteAddressAsText());

  let open = true;
  const abortListeners: (() => void)[] = [];
  res.onAborted(() => {
    open = false;
    for (const listener of abortListeners) listener();
  });
  const hasBody = headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
  const body = readBody(res, options.maxBodyBytes, hasBody, () => res.close());
  abortListeners.push(() => body.drop());

  return {
    method,
    segments: pathSegments(req.getUrl()),
    query: new URLSearchParams(req.getQuery()),
    peer,
    address: clientAddress(peer, headers.get('x-forwarded-for'), options.trustedProxies),
    header: (name) => headers.get(name),
    isOpen: () => open,
    async body() {
      const whole = await body.whole;
      // Reading a large one may take milliseconds, and many may have come at once.
      if (options.turn.isLong()) await options.turn.later();
      return open ? whole : 'aborted';
    },
    onAborted: (listener) => abortListeners.push(listener),
    respond({ status, headers: answerHeaders = {}, body: content = '' }) {
      if (!open) return;
      open = false;
      options.onAnswer(status);
      // What of the body is still to come would be in the way of the next request on this connection.
      const isLast = !body.isThrough();
      body.drop();
      res.cork(() => {
        res.writeStatus(`${status} ${reasonPhrase(status)}`);
        for (const [name, value] of Object.entries(answerHeaders)) res.writeHeader(name, value);
        if (status === 204 || status === 304) res.endWithoutBody();
        // uWebSockets.js does not go on after the answer to a HEAD.
        else if (method === 'HEAD') res.endWithoutBody(Buffer.byteLength(content), true);
        else res.end(content, isLast);
      });
    },
  };
}

interface Body {
  readonly whole: ReturnType<Exchange['body']>;
  /** True if all of it has come. */
  isThrough(): boolean;
  /** Keeps nothing of it, now and later. */
  drop(): void;
}

/** Chunks of a body: each costs a call, however small it is. A client that sends more is cut off. */
const MAX_CHUNKS = 4_096;

/** Starts at once: what arrives while nobody listens is lost. */
function readBody(res: HttpResponse, maxBytes: number, hasBody: boolean, cutOff: () => void): Body {
  let chunks: Buffer[] | undefined = [];
  let bytes = 0;
  let count = 0;
  let isThrough = !hasBody;
  let settle: (body: Buffer | 'too_large' | 'aborted') => void = () => {};
  const whole = new Promise<Buffer | 'too_large' | 'aborted'>((resolve) => {
    settle = resolve;
  });
  const drop = () => {
    chunks = undefined;
    settle('aborted');
  };
  res.onData((chunk, isLast) => {
    count++;
    // Right now: the parser would go through all that this read has brought.
    if (count === MAX_CHUNKS) return cutOff();
    bytes += chunk.byteLength;
    isThrough = isLast;
    if (bytes > maxBytes) {
      settle('too_large');
      drop();
    }
    chunks?.push(Buffer.from(Buffer.from(chunk)));
    if (isLast && chunks) settle(Buffer.concat(chunks));
  });
  return { whole, isThrough: () => isThrough, drop };
}

/** The path's segments without empty ones; a segment that is not percent-encoded UTF-8 stays as it is. */
export function pathSegments(path: string): string[] {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => {
      try {
        return decodeURIComponent(segment);
      } catch {
        return segment;
      }
    });
}

export function addressText(binary: ArrayBuffer): string {
  const text = Buffer.from(binary).toString();
  // A dual-stack listener shows IPv4 peers as mapped addresses, fully written out.
  const mapped = /^0000:0000:0000:0000:0000:ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/.exec(text);
  return mapped
    ? mapped
        .slice(1)
        .map((byte) => Number.parseInt(byte, 16))
        .join('.')
    : text;
}

/** The last address in `X-Forwarded-For` that no trusted proxy stands behind; a peer that is not trusted has no say. */
export function clientAddress(peer: string, forwardedFor: string | undefined, trustedProxies: TrustedProxies): string {
  // Most often so, and a look into a list, even an empty one, takes 2.5 µs of a connect's 30.
  if (forwardedFor === undefined || trustedProxies.isEmpty) return peer;
  let address = peer;
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  while (trustedProxies.has(address)) {
    const hop = hops.pop();
    if (!hop) break;
    address = hop;
  }
  return address;
}
