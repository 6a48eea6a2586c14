import type { Traffic } from '../kernel/traffic.ts';
import type { MessageItem } from './parts.ts';

/** Largest payload that is shown with its message. */
export const MAX_CONTENT_BYTES = 4_096;
/** Messages that one node tells at once, and payloads; above, payloads and then messages are left out. */
export const MAX_WAITING = 2_000;
export const MAX_WAITING_BYTES = 1_048_576;

/** Messages of this node that wait to be told to whoever watches. */
export class Outbox {
  #waiting: MessageItem[] = [];
  #bytes = 0;
  readonly stats = { skipped: 0 };

  add({ atMs, from, to, message }: Traffic): void {
    if (!message) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.stats.skipped++;
      return;
    }
    const { id, type, payloadJson, payloadBytes, expiresAtMs } = message;
    const isShown = payloadBytes <= MAX_CONTENT_BYTES && this.#bytes + payloadBytes <= MAX_WAITING_BYTES;
    if (isShown) this.#bytes += payloadBytes;
    const sent = {
      atMs,
      messageId: id,
      fromAgentId: from,
      toAgentId: to,
      messageType: type,
      content: isShown ? payloadJson : null,
      contentBytes: payloadBytes,
      expiryMs: expiresAtMs,
    };
    this.#waiting.push(['message', sent]);
  }

  take(): MessageItem[] {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return taken;
  }
}
