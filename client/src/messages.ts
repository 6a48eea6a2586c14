import type { Abortable } from './abort.ts';
import type { Connection } from './connection.ts';
import { once } from './in_flight.ts';
import { Wake } from './wake.ts';
import type { MessageStatus, StoredMessage } from './wire.ts';

export type Settled = Exclude<MessageStatus, 'pending'>;

/** A message that is stored. */
export interface Sent {
  readonly id: string;
  /** What became of it; waits for it where nothing has yet. Rejects when the agent is closed. */
  readonly settled: Promise<Settled>;
}

export interface SendOptions extends Abortable {
  /** The same id again is the same message. */
  readonly id?: string;
}

/** Milliseconds after which a message is looked at again: nobody is told that one has expired. */
const LOOK_AGAIN_MS = 60_000;

/** Sends a message; resolves when it is stored. */
export async function send(
  connection: Connection,
  to: string,
  type: string,
  payload: unknown,
  options: SendOptions = {},
): Promise<Sent> {
  const { http, inbox, closed } = connection;
  const fields = { to_agent_id: to, type, payload };
  const id = await once(connection, options, { send: fields }, async (id) => {
    await http.call('POST', '/api/messages', { body: { id, ...fields }, signal: options.signal });
    return id;
  });
  let settled: Promise<Settled> | undefined;
  return {
    id,
    get settled() {
      settled ??= untilSettled();
      settled.catch(() => {});
      return settled;
    },
  };

  async function untilSettled(): Promise<Settled> {
    const news = new Wake(closed);
    const timer = setInterval(() => news.wake(), LOOK_AGAIN_MS);
    const stop = inbox.onNews((it) => (it.id === id || it.type === 'joined') && news.wake());
    try {
      for (;;) {
        const { version } = news;
        const { message } = await http.call<{ message: StoredMessage }>('GET', `/api/messages/${id}`);
        if (message.status !== 'pending') return message.status;
        await news.since(version);
      }
    } finally {
      clearInterval(timer);
      stop();
    }
  }
}
