import type { Refusal } from '../refusal.ts';
import type { OpenSocket } from '../socket.ts';
import type { ClientMessage, Frame, Serializer } from '../wire/serializer.ts';
import type { RuntimeContext } from './context.ts';
import type { Transport } from './transport.ts';

/** The connection that a channel was joined on. */
export interface ChannelConnection {
  readonly context: RuntimeContext;
  readonly transport: Transport;
  readonly serializer: Serializer;
  readonly socket: OpenSocket;
  send(frame: Frame): void;
  sendSnapshot(frame: Frame): void;
  /** Brings a message to where it belongs. */
  dispatch(message: ClientMessage, bytes: number): void;
  /** Answers a message with a refusal before any channel has seen it. */
  refuse(message: ClientMessage, refusal: Refusal): void;
  tellRefusedJoin(topic: unknown, reason: unknown): void;
  /** The channel has ended. */
  forget(channel: { readonly topic: string }): void;
}
