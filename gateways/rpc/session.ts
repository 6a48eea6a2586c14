import { randomUUID } from 'node:crypto';
import type { Ears } from '../../channels/conversation/ears.ts';
import type { RpcDomain } from '../../channels/conversation/methods.ts';
import type { Caller, Failure, Rpc, Tag } from '../../channels/conversation/rpc.ts';
import type { Notification } from '../../channels/conversation/view.ts';
import {
  type CloseCause,
  type Log,
  type RawSession,
  type RawSocket,
  type RawTerms,
  Unavailable,
} from '../../server/index.ts';
import type { Connector } from './connect.ts';
import {
  BINARY_REFUSED,
  type ClientFrame,
  codes,
  invalidParams,
  notificationFrame,
  PONG,
  plainErrorFrame,
  type RequestId,
  readFrame,
  resultFrame,
  taggedErrorFrame,
} from './frames.ts';

export interface RpcSessionOptions {
  readonly connector: Connector;
  readonly domain: RpcDomain;
  readonly methods: ReadonlyMap<string, Rpc<RpcDomain>>;
  /** As how many messages a call counts, by method. */
  readonly costs: ReadonlyMap<string, number>;
  readonly ears: Ears;
  /** As of the client's request to connect. */
  readonly mayLookUp: () => boolean;
  readonly log: Log;
}

/** A client that has not connected by then is closed. */
const CONNECT_MS = 10_000;
const MAX_FAILED_CONNECTS = 3;
const NOT_CONNECTED = 4001;
const CONNECT_AGAIN = 1012;
const MISSED_SPREAD_MS = 3_000;
/** Requests of one socket that wait, at most: so many, and so much text. */
const MAX_WAITING = 1_000;
const MAX_WAITING_LENGTH = 1_048_576;
/** With more that waits for the client to read, its next request waits too. */
const LOW_WATER_BYTES = 65_536;
/** Longest frame that is read before its allowance is known, in characters. */
const MAX_READ_LENGTH = 16_384;
const TOO_LONG = {
  code: -32600,
  message: `A request that counts as several messages has at most ${MAX_READ_LENGTH} characters.`,
};
/** Causes of a close after which nothing more is done for the credential, nor what was asked with it before. */
const BARRED: ReadonlySet<CloseCause> = new Set(['expired', 'revoked', 'disconnected']);

/** One socket of an agent or an app: requests are carried out and answered in the order in which they came. */
export class RpcSession implements RawSession {
  readonly #socket: RawSocket;
  readonly #options: RpcSessionOptions;
  readonly #tooLate: NodeJS.Timeout;
  #caller: Caller | undefined;
  #failedConnects = 0;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #waitingLength = 0;
  #stopListening: (() => void) | undefined;
  /** Has the next request carried out, which waits for its client to read. */
  #goOn: (() => void) | undefined;
  /** The frame whose cost was asked. */
  #latest: { readonly text: string; readonly frame: ClientFrame } | undefined;
  #isBarred = false;

  constructor(socket: RawSocket, options: RpcSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#tooLate = setTimeout(() => this.#close('not connected in time'), CONNECT_MS);
    this.#tooLate.unref();
  }

  message(text: string): void {
    const frame = this.#read(text);
    switch (frame.kind) {
      case 'ignored':
        return;
      case 'ping':
        return void this.#socket.send(PONG);
      case 'refused':
        return void this.#socket.send(plainErrorFrame(null, frame));
      case 'request':
        // It was counted as one message, unread.
        if (text.length > MAX_READ_LENGTH && this.#costOf(frame) > 1) {
          return void this.#socket.send(plainErrorFrame(null, TOO_LONG));
        }
        return this.#enqueue(frame.id, frame.method, frame.params, text.length);
    }
  }

  binary(): void {
    this.#socket.send(plainErrorFrame(null, BINARY_REFUSED));
  }

  cost(data: string | Uint8Array): number {
    if (typeof data !== 'string' || data.length > MAX_READ_LENGTH) return 1;
    const frame = this.#read(data);
    this.#latest = { text: data, frame };
    return this.#costOf(frame);
  }

  #costOf(frame: ClientFrame): number {
    return frame.kind === 'request' ? (this.#options.costs.get(frame.method) ?? 1) : 1;
  }

  /** Reads a frame once, also where its cost was asked first. */
  #read(text: string): ClientFrame {
    const latest = this.#latest;
    this.#latest = undefined;
    return latest?.text === text ? latest.frame : readFrame(text);
  }

  /** A long frame is not read: whose answer this is cannot be told then. */
  refused(retryAfterMs: number, message: string | Uint8Array): void {
    const frame = typeof message === 'string' && message.length <= MAX_READ_LENGTH ? this.#read(message) : undefined;
    if (frame?.kind === 'ignored') return;
    this.#socket.send(this.#rateLimited(frame?.kind === 'request' ? frame.id : null, retryAfterMs));
  }

  closing(cause: CloseCause): undefined {
    if (BARRED.has(cause)) this.#isBarred = true;
  }

  drained(): void {
    if (this.#isWritable()) this.#goOn?.();
  }

  closed(): void {
    clearTimeout(this.#tooLate);
    this.#stopListening?.();
    this.#goOn?.();
  }

  #enqueue(id: RequestId, method: string, params: unknown, length: number): void {
    if (this.#waiting >= MAX_WAITING || this.#waitingLength + length > MAX_WAITING_LENGTH) {
      return void this.#socket.send(this.#rateLimited(id, 1_000));
    }
    this.#waiting++;
    this.#waitingLength += length;
    this.#last = this.#last
      .then(() => this.#writable())
      .then(() => (this.#isBarred ? undefined : this.#answer(id, method, params)))
      .then((frame) => void (frame !== undefined && this.#socket.send(frame)))
      .finally(() => {
        this.#waiting--;
        this.#waitingLength -= length;
      });
  }

  /** Answers that nobody reads are not to pile up: the next request waits until little is left to send. */
  #writable(): Promise<void> | undefined {
    if (this.#isWritable()) return undefined;
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  #isWritable(): boolean {
    return !this.#socket.isOpen || this.#socket.bufferedBytes <= LOW_WATER_BYTES;
  }

  #rateLimited(id: RequestId | null, retryAfterMs: number): string {
    const message = 'Too many requests: wait for retry_after_ms, then send it again.';
    return plainErrorFrame(id, { code: codes.rateLimited, message, data: { retry_after_ms: retryAfterMs } });
  }

  /** Never rejects: whatever goes wrong is an answer. */
  async #answer(id: RequestId, method: string, params: unknown): Promise<string> {
    try {
      if (method === 'agent/network/connect') return await this.#connect(id, 'agent', params);
      if (method === 'app/network/connect') return await this.#connect(id, 'app', params);
      return await this.#call(id, method, params);
    } catch (error) {
      if (error instanceof Unavailable) {
        return plainErrorFrame(id, {
          code: codes.unavailable,
          message: 'Out of reach: what became of it is not known.',
        });
      }
      const incident = randomUUID();
      this.#options.log.error({ err: error, method, incident }, 'a request failed');
      return plainErrorFrame(id, { code: codes.internalError, message: 'internal_error', data: { incident } });
    }
  }

  async #call(id: RequestId, name: string, params: unknown): Promise<string> {
    const { methods, domain, connector } = this.#options;
    const method = methods.get(name);
    if (!method) return plainErrorFrame(id, { code: codes.methodNotFound, message: 'No such method.' });
    const caller = this.#caller;
    if (!caller) return taggedErrorFrame(id, { ok: false, tag: 'Unauthorized', message: 'Connect first.' });
    if (caller.kind !== method.requires || !(await connector.isActive(caller))) {
      return taggedErrorFrame(id, { ok: false, tag: 'Forbidden' });
    }
    const answer = await method.call(domain, caller, params);
    if (answer.ok) return resultFrame(id, answer.result);
    return 'invalid' in answer ? plainErrorFrame(id, invalidParams(answer.invalid)) : taggedErrorFrame(id, answer);
  }

  // ---- connecting

  async #connect(id: RequestId, kind: Caller['kind'], params: unknown): Promise<string> {
    const { connector, mayLookUp } = this.#options;
    const read = connector.read(kind, params);
    if (!read.ok) return taggedErrorFrame(id, read);
    if (this.#caller) return this.#alreadyConnected(id, this.#caller.kind);
    const connected = await connector.connect(kind, read.params, mayLookUp);
    if (!connected.ok) {
      if (connected.tag === 'AlreadyConnected') return this.#alreadyConnected(id, kind);
      if (connected.tag === 'Unauthorized') this.#failed(connected);
      return taggedErrorFrame(id, connected);
    }
    const { caller, terms } = connected;
    // First, as it may fail: the client can then connect again. A connected agent hears everything.
    const stop = kind === 'agent' ? await this.#listen(caller.id, terms) : undefined;
    if (!this.#socket.isOpen) {
      stop?.();
      terms.onClose?.();
      return '';
    }
    this.#stopListening = stop;
    this.#socket.identify(terms);
    clearTimeout(this.#tooLate);
    this.#caller = caller;
    return resultFrame(id, {});
  }

  #alreadyConnected(id: RequestId, principal: Caller['kind']): string {
    return taggedErrorFrame(id, { ok: false, tag: 'AlreadyConnected', message: 'Connected already.' }, { principal });
  }

  /** The third is answered, then the socket is closed. */
  #failed({ data }: Failure<Tag>): void {
    const reason = (data as { readonly reason?: string } | undefined)?.reason ?? 'unknown_credential';
    this.#socket.refuseCredential({ reason });
    this.#failedConnects++;
    if (this.#failedConnects === MAX_FAILED_CONNECTS) setImmediate(() => this.#close('not connected'));
  }

  async #listen(agentId: string, { onClose }: RawTerms): Promise<() => void> {
    const { ears, domain } = this.#options;
    try {
      return await ears.listen(agentId, this, await domain.nowMs());
    } catch (error) {
      onClose?.();
      throw error;
    }
  }

  notify(notification: Notification): void {
    this.#socket.send(notificationFrame(notification));
  }

  /** Has the client connect again and ask, as notifications may have been lost; not all clients at once. */
  missed(): void {
    const close = () => this.#socket.isOpen && this.#socket.close(CONNECT_AGAIN, 'notifications may be missing');
    setTimeout(close, Math.random() * MISSED_SPREAD_MS).unref();
  }

  #close(reason: string): void {
    if (this.#socket.isOpen) this.#socket.close(NOT_CONNECTED, reason);
  }
}
