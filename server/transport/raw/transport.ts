import { checkPing } from '../../raw_socket.ts';
import { WebSocketTransport } from '../websocket.ts';

/** A WebSocket whose session pings too: one ping at a time awaits its pong. */
export class RawTransport extends WebSocketTransport {
  /** Payload of the awaited pong. */
  #awaited: string | undefined;

  /**
   * Asks for a sign of life. A client may answer only the last of several pings (RFC 6455, section 5.5.3), so the awaited
   * one is sent again rather than another.
   */
  override ping(): void {
    if (this.#awaited === undefined) super.ping();
    else this.sendPing(this.#awaited);
  }

  /** @returns false while an earlier one is unanswered, or when the socket is closed */
  pingWith(payload: string): boolean {
    checkPing(payload);
    if (!this.isOpen || this.#awaited !== undefined) return false;
    this.#awaited = payload;
    this.sendPing(payload);
    return true;
  }

  /** @returns whether it is the awaited pong */
  takePong(payload: string): boolean {
    if (payload !== this.#awaited) return false;
    this.#awaited = undefined;
    return true;
  }
}
