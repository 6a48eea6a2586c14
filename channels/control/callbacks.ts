import { createHmac } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DomainCounter } from '../principals/domain.ts';
import type { CallbackHosts, CallbackTarget } from './callback_hosts.ts';
import type { Callback } from './state.ts';

/** Finds all addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface CallbacksOptions {
  readonly hosts: CallbackHosts;
  /** The system's resolver unless told. */
  readonly resolve?: Resolve;
  /** When attempts are made, in ms after the outcome. */
  readonly attemptsAtMs?: readonly number[];
  /** Certificates that are trusted, in PEM; the system's unless told. */
  readonly ca?: string;
}

/** Time for one attempt: name, connection and answer. */
const ATTEMPT_MS = 5_000;
const ATTEMPTS_AT_MS = [0, 5_000, 30_000];
/** Callbacks under way on this node; more fail at once. */
const MAX_UNDER_WAY = 500;

/**
 * Tells those who asked for it of outcomes: best effort, by this node alone, at most three attempts until one is answered
 * 2xx. Whoever wrote an address learns nothing of what became of it: the outcome is counted, and in no log.
 */
export class Callbacks {
  readonly #options: CallbacksOptions;
  readonly #closing = new AbortController();
  readonly stats = { delivered: 0, failed: 0 };
  #underWay = 0;

  constructor(options: CallbacksOptions) {
    this.#options = options;
  }

  /** @param message the body, as JSON */
  start(callback: Callback, message: object): void {
    if (this.#underWay >= MAX_UNDER_WAY) {
      this.stats.failed++;
      return;
    }
    this.#underWay++;
    void this.#deliver(callback, Buffer.from(JSON.stringify(message)))
      .catch(() => false)
      .then((isDelivered) => {
        this.#underWay--;
        this.stats[isDelivered ? 'delivered' : 'failed']++;
      });
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closing.abort();
  }

  async #deliver({ url, secret }: Callback, body: Buffer): Promise<boolean> {
    const headers = {
      'content-type': 'application/json',
      'content-length': String(body.length),
      ...(secret !== undefined && {
        'x-aerie-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      }),
    };
    const startedAtMs = performance.now();
    for (const atMs of this.#options.attemptsAtMs ?? ATTEMPTS_AT_MS) {
      const waitMs = startedAtMs + atMs - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: this.#closing.signal, ref: false });
      const status = await this.#attempt(url, headers, body).catch(() => undefined);
      if (status !== undefined && status >= 200 && status < 300) return true;
    }
    return false;
  }

  /** One attempt, with all checks anew. @returns the status of the answer, undefined if nothing may be connected */
  async #attempt(url: string, headers: Record<string, string>, body: Buffer): Promise<number | undefined> {
    const target = this.#options.hosts.target(url);
    if (!target) return undefined;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ATTEMPT_MS)]);
    const address = await unlessAborted(this.#checkedAddress(target), signal);
    return address === undefined ? undefined : this.#post(target, address, headers, body, signal);
  }

  /** One of the addresses of the name, if all of them may be connected: a name is looked up once, and not again on the way. */
  async #checkedAddress(target: CallbackTarget): Promise<string | undefined> {
    const { hosts, resolve = systemAddresses } = this.#options;
    const addresses = isIP(target.host) ? [target.host] : await resolve(target.host);
    return addresses.every((address) => hosts.mayConnect(target, address)) ? addresses[0] : undefined;
  }

  /** Posts to this address, whatever the name stands for by now; the certificate has to be the name's. */
  #post(
    { url, port, host }: CallbackTarget,
    address: string,
    headers: Record<string, string>,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { ca } = this.#options;
    const options = {
      method: 'POST',
      // An address is connected as it is; `lookup` is never asked.
      host: address,
      port,
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host },
      agent: false,
      signal,
      ...(ca !== undefined && { ca }),
      ...(isIP(host) === 0 && { servername: host }),
    };
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(options, (response) => {
        resolve(response.statusCode);
        // Neither the body is read nor a redirect followed.
        request.destroy();
      });
      request.on('error', reject);
      request.end(body);
    });
  }
}

/** The counts of callbacks, for `/metrics`. */
export const callbackCounters = (stats: Callbacks['stats']): readonly DomainCounter[] => [
  {
    name: 'aerie_callbacks_delivered_total',
    help: 'Callbacks of control requests that were answered 2xx',
    read: () => stats.delivered,
  },
  {
    name: 'aerie_callbacks_failed_total',
    help: 'Callbacks of control requests that were given up',
    read: () => stats.failed,
  },
];

async function systemAddresses(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}

/** @throws the reason of the abort, as soon as there is one */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
