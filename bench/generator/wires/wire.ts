/** The wire of a server of rooms: join a room, tell all in it, be answered. */
export interface Wire {
  readonly path: string;
  /** Texts to send once the WebSocket is open. */
  readonly greeting: readonly string[];
  /** The connection can be used from this text on; undefined: as soon as it is open. */
  readonly isReady?: (text: string) => boolean;
  /** The text to be sent back at once, as for a heartbeat. */
  readonly answerTo?: (text: string) => string | undefined;
  join(topic: string): string;
  isJoined(text: string): boolean;
  /** The server will not do what it was asked. */
  isRefused(text: string): boolean;
  /** Brings a payload to all in the room, the sender too. */
  shout(topic: string, body: string): string;
  /** Has a payload sent back. */
  echo(topic: string, body: string): string;
}
