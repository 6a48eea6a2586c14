import type { WebSocket } from 'uWebSockets.js';
import type { CloseCause } from '../raw_socket.ts';
import { closeCodes, LOW_WATER_BYTES, MAX_EXCUSED_BYTES, type Transport } from '../runtime/transport.ts';
import type { Frame } from '../wire/serializer.ts';

/** uWebSockets.js' answer to `send` when the frame waits in this process because the kernel takes no more. */
const BACKPRESSURE = 0;

/** The connection that speaks over a transport, as the transport knows it. */
export interface TransportOwner {
  close(code: number, reason: string, cause: CloseCause): void;
  /** The socket is gone. */
  closed(code: number): void;
}

/** A client on a WebSocket of uWebSockets.js, whose own publisher serves its broadcasts. */
export class WebSocketTransport implements Transport {
  readonly name = 'websocket';
  readonly #ws: WebSocket<unknown>;
  readonly #maxBacklogBytes: number;
  #connection: TransportOwner | undefined;
  #excusedBytes = 0;
  /** Something has been seen to wait, and `mindReader` has not yet seen it sent. */
  #isBehind = false;
  /** Those who wait for the backlog to shrink. */
  #waiting: (() => void)[] | undefined;
  /** Calls on a closed socket throw, so nothing may reach it any more. */
  #open = true;

  constructor(ws: WebSocket<unknown>, maxBacklogBytes: number) {
    this.#ws = ws;
    this.#maxBacklogBytes = maxBacklogBytes;
  }

  /** Set once, right after the connection was made. */
  set connection(connection: TransportOwner) {
    this.#connection = connection;
  }

  send(frame: Frame): void {
    if (this.#open && this.#ws.send(frame, typeof frame !== 'string') === BACKPRESSURE) this.mindBacklog();
  }

  sendExcused(frame: Frame): void {
    if (!this.#open) return;
    const waitedBytes = this.#ws.getBufferedAmount();
    if (this.#ws.send(frame, typeof frame !== 'string') !== BACKPRESSURE) return;
    const addedBytes = this.#ws.getBufferedAmount() - waitedBytes;
    this.#excusedBytes = Math.min(this.#excusedBytes, waitedBytes) + addedBytes;
    this.mindBacklog();
  }

  mindBacklog(): void {
    if (!this.#open) return;
    const waitingBytes = this.bufferedBytes;
    this.#excusedBytes = Math.min(this.#excusedBytes, waitingBytes, MAX_EXCUSED_BYTES);
    if (waitingBytes - this.#excusedBytes > this.#maxBacklogBytes) {
      this.#connection?.close(closeCodes.tooSlow, 'too slow', 'too_slow');
    }
  }

  subscribe(nativeTopic: string): boolean {
    if (this.#open) this.#ws.subscribe(nativeTopic);
    return true;
  }

  unsubscribe(nativeTopic: string): void {
    if (this.#open) this.#ws.unsubscribe(nativeTopic);
  }

  publishOthers(nativeTopic: string, frame: Frame): void {
    if (this.#open) this.#ws.publish(nativeTopic, frame, typeof frame !== 'string');
  }

  writable(): Promise<void> | undefined {
    if (this.bufferedBytes <= LOW_WATER_BYTES) return undefined;
    return new Promise((resolve) => {
      this.#waiting ??= [];
      this.#waiting.push(resolve);
    });
  }

  /** Some of what waited is sent. */
  drained(): void {
    if (this.#waiting && this.#open && this.#ws.getBufferedAmount() <= LOW_WATER_BYTES) this.#wake();
  }

  mindReader(): void {
    if (this.takeCaughtUp()) this.drained();
  }

  /** True once after all that waited was sent. */
  takeCaughtUp(): boolean {
    if (!this.#isBehind || this.bufferedBytes > 0) return false;
    this.#isBehind = false;
    return true;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const resolve of waiting ?? []) resolve();
  }

  ping(): void {
    if (this.#open) this.#ws.ping();
  }

  protected sendPing(payload: string): void {
    if (this.#open) this.#ws.ping(payload);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Bytes that wait in this process to be sent. */
  get bufferedBytes(): number {
    const waitingBytes = this.#open ? this.#ws.getBufferedAmount() : 0;
    if (waitingBytes > 0) this.#isBehind = true;
    return waitingBytes;
  }

  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ws.end(code, reason);
  }

  /** The socket is gone, whoever closed it. */
  closed(code: number): void {
    this.#open = false;
    this.#connection?.closed(code);
    this.#wake();
  }
}
