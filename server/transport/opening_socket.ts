import type { WebSocket } from 'uWebSockets.js';
import type { MindedConnection } from '../runtime/connections.ts';

/** An upgraded socket's user data in uWebSockets.js: empty until somebody has taken over the socket. */
export interface Upgraded {
  connection?: MindedConnection & {
    /** Takes a frame; bytes are the caller's again afterwards. */
    receive(data: string | Uint8Array): unknown;
    /** Takes a ping of so many bytes, which is answered already. */
    receiveControl(bytes: number): void;
    receivePong(payload: ArrayBuffer): void;
  };
  transport?: {
    /** Some of what waited is sent. */
    drained(): void;
    /** The socket is gone. */
    closed(code: number): void;
  };
}

/**
 * The socket that an upgrade opens, on its way from uWebSockets.js' `open` handler to the one who upgraded: one at a time,
 * for `open` runs within `upgrade`.
 *
 * Both the handler and what is corked around a later upgrade are built-in functions, on purpose. Leaving the cork of an
 * upgrade that comes later than its request, uWebSockets.js 20 looks at memory that the response has given back, and closes
 * the socket (1006) if what was allocated there in between looks like an answered `Connection: close`. A function of ours
 * allocates: V8 compiles it when it runs for the first time. See docs/decisions/0012-late-upgrades.md.
 */
export class OpeningSocket {
  readonly #place: (WebSocket<Upgraded> | undefined)[] = [undefined];
  /** The `open` handler. */
  readonly put = this.#place.fill.bind(this.#place) as (ws: WebSocket<Upgraded>) => void;

  /** @returns the socket; undefined if none opened, or it is closed already */
  take(): WebSocket<Upgraded> | undefined {
    const [ws] = this.#place;
    this.#place[0] = undefined;
    return ws;
  }

  /** A socket has closed, perhaps before it was taken. */
  closed(ws: WebSocket<Upgraded>): void {
    if (this.#place[0] === ws) this.#place[0] = undefined;
  }
}
