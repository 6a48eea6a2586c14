import type { Frame } from '../wire/serializer.ts';

/** Sends frames to one client. */
export interface Transport {
  readonly name: 'websocket' | 'longpoll';
  /** In order. After `close` it does nothing. A reader too far behind is closed, never skipped. */
  send(frame: Frame): void;
  /**
   * Lets the transport's own publisher serve this client.
   * @returns false if the transport has none: then every broadcast is handed to `send`
   */
  subscribe(nativeTopic: string): boolean;
  unsubscribe(nativeTopic: string): void;
  /** Publishes natively to all subscribers but this client; only after `subscribe`. */
  publishOthers(nativeTopic: string, frame: Frame): void;
  /** Sends what may be large through no fault of the reader's: what then waits does not count against it. */
  sendExcused(frame: Frame): void;
  /**
   * Closes a reader that is too far behind. Native publishing counts nothing per subscriber, so this is called after so
   * many published bytes.
   */
  mindBacklog(): void;
  /** Resolves once little waits to be sent, or the client is gone; `undefined` if little waits now. */
  writable(): Promise<void> | undefined;
  /**
   * Lets those go on who wait for the reader, where all is sent and nobody was told: uWebSockets.js tells when the kernel takes more, and
   * may not where a later send has taken the rest along. Called ten times a second.
   */
  mindReader?(): void;
  /** Asks for a sign of life, where the transport can. */
  ping(): void;
  close(code: number, reason: string): void;
}

/** Serves all subscribers of a native topic at once. */
export type NativePublish = (nativeTopic: string, frame: Frame) => void;

/** Senders that pace themselves go on when at most this much waits. */
export const LOW_WATER_BYTES = 64 * 1024;

/** More than this of snapshots and replays never waits for one client, whoever sends it without asking. */
export const MAX_EXCUSED_BYTES = 32 * 1024 * 1024;

/** WebSocket close codes (PROTOCOL.md, section 2). */
export const closeCodes = {
  goingAway: 1001,
  unsupported: 1003,
  flood: 1008,
  tooLarge: 1009,
  internalError: 1011,
  serviceRestart: 1012,
  tooSlow: 1013,
} as const;
