import { LongPoll } from 'phoenix';
import { toBase64 } from './base64.ts';

/** A WebSocket, as far as the official client uses one. */
interface Transport {
  binaryType?: unknown;
  timeout?: unknown;
  readonly readyState: number;
  readonly bufferedAmount?: number;
  readonly skipHeartbeat?: boolean;
  onopen: ((event: unknown) => void) | null;
  onerror: ((event: unknown) => void) | null;
  onmessage: ((event: unknown) => void) | null;
  onclose: ((event: unknown) => void) | null;
  send(data: unknown): void;
  close(code?: number, reason?: string): void;
}
export type TransportClass = new (url: string, protocols: string[]) => unknown;

const CONNECTING = 0;
const CLOSED = 3;

/**
 * A transport for the official client that first asks for the credential, which the client itself wants at once, and then connects.
 *
 * @param ask gives the credential; it travels where the client's `authToken` does, never in the address
 * @param refused called when a connection ended before it was open
 * @param given the WebSocket to use; by default the platform's, and the client's long-poll where there is none
 */
export function lateSocket(ask: () => Promise<string>, refused: () => void, given?: TransportClass): TransportClass {
  const Inner = (given ?? globalThis.WebSocket ?? LongPoll) as unknown as new (
    url: string,
    protocols: string[],
  ) => Transport;

  return class LateSocket implements Transport {
    binaryType: unknown = 'arraybuffer';
    timeout: unknown;
    onopen: Transport['onopen'] = null;
    onerror: Transport['onerror'] = null;
    onmessage: Transport['onmessage'] = null;
    onclose: Transport['onclose'] = null;
    #inner: Transport | undefined;
    #isClosed = false;
    #wasOpen = false;

    constructor(url: string) {
      ask().then(
        (credential) => this.#isClosed || this.#open(url, credential),
        () => this.#ended({ code: 1006, reason: '', wasClean: false }),
      );
    }

    get readyState(): number {
      return this.#inner?.readyState ?? (this.#isClosed ? CLOSED : CONNECTING);
    }

    get bufferedAmount(): number {
      return this.#inner?.bufferedAmount ?? 0;
    }

    get skipHeartbeat(): boolean {
      return this.#inner?.skipHeartbeat ?? false;
    }

    send(data: unknown): void {
      this.#inner?.send(data);
    }

    close(code?: number, reason?: string): void {
      this.#isClosed = true;
      if (!this.#inner)
        queueMicrotask(() => this.onclose?.({ code: code ?? 1000, reason: reason ?? '', wasClean: true }));
      else if (code === undefined) this.#inner.close();
      else this.#inner.close(code, reason ?? '');
    }

    #open(url: string, credential: string): void {
      const token = toBase64(new TextEncoder().encode(credential)).replace(/=+$/, '');
      const inner = new Inner(url, ['phoenix', `base64url.bearer.phx.${token}`]);
      this.#inner = inner;
      inner.binaryType = this.binaryType;
      inner.timeout = this.timeout;
      inner.onopen = (event) => {
        this.#wasOpen = true;
        this.onopen?.(event);
      };
      inner.onerror = (event) => this.onerror?.(event);
      inner.onmessage = (event) => this.onmessage?.(event);
      inner.onclose = (event) => this.#ended(event);
    }

    #ended(event: unknown): void {
      const wasWanted = !this.#isClosed;
      this.#isClosed = true;
      if (wasWanted && !this.#wasOpen) refused();
      this.onclose?.(event);
    }
  };
}
