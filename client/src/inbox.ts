import type { Abortable } from './abort.ts';
import type { Connection } from './connection.ts';
import { isReason } from './error.ts';
import { Listeners } from './listeners.ts';
import { Topic } from './topic.ts';
import { Wake } from './wake.ts';
import type { NewMessage } from './wire.ts';

export interface Message {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  /** Null where the operator has sent it. */
  readonly from: string | null;
  readonly at: string;
  /** Ends it: it does not come again. */
  acknowledge(options?: Abortable): Promise<void>;
  /** Ends it and tells its sender why. */
  reject(reason: string, options?: Abortable): Promise<void>;
}

/** A message of the server's own: something was made that concerns this agent. */
export interface Notice {
  /** `aerie.task`, `aerie.negotiation`, `aerie.payment_channel`, `aerie.session`, … */
  readonly type: string;
  /** Of the thing. */
  readonly id: string;
}

interface Told {
  readonly message_id: string;
  readonly reason?: string;
}
export interface Settlement {
  readonly id: string;
  readonly as: 'acknowledged' | 'rejected';
}

/** Ids of ended messages that are remembered: the answer to an acknowledgement may be lost, and the message then comes again. */
const REMEMBERED = 1_000;

/** `messages:{agent_id}` (PROTOCOL.md, section 5.6). */
export class Inbox implements AsyncIterable<Message> {
  readonly #connection: Connection;
  readonly #wake = new Wake();
  readonly #notices = new Listeners<Notice>();
  readonly #settlements = new Listeners<Settlement>();
  readonly #joins = new Listeners<void>();
  /** Came and was not taken yet, at most as many as the server has outstanding on one join. */
  readonly #waiting = new Map<string, NewMessage>();
  readonly #taken = new Set<string>();
  readonly #ended = new Set<string>();
  #topic: Topic | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Messages as they come, but the server's notices. What the loop's body leaves without an end is acknowledged when the next is taken. */
  [Symbol.asyncIterator](): AsyncGenerator<Message> {
    return this.#messages(true);
  }

  /** The same without that: only `acknowledge` and `reject` end a message, and what has none comes again at the next connect. */
  manual(): AsyncIterable<Message> {
    return { [Symbol.asyncIterator]: () => this.#messages(false) };
  }

  /** Tells of the server's notices. Each is acknowledged once all listeners were told. @internal */
  onNotice(listener: (notice: Notice) => void): () => void {
    this.#open();
    return this.#notices.add(listener);
  }

  /** Tells what became of messages of this agent's. @internal */
  onSettled(listener: (settlement: Settlement) => void): () => void {
    this.#open();
    return this.#settlements.add(listener);
  }

  /** Tells of every join: what was pushed before may have been missed. @internal */
  onJoin(listener: () => void): () => void {
    this.#open();
    return this.#joins.add(listener);
  }

  async *#messages(acknowledges: boolean): AsyncGenerator<Message> {
    this.#open();
    const { closed } = this.#connection;
    while (!closed.aborted) {
      const [next] = this.#waiting.values();
      if (!next) {
        await this.#wake.next(closed).catch(() => {});
        continue;
      }
      this.#waiting.delete(next.id);
      this.#taken.add(next.id);
      yield this.#message(next);
      if (acknowledges && !this.#ended.has(next.id)) void this.#end(next.id, 'acknowledge', {}).catch(() => {});
    }
  }

  #message({ id, type, payload, from_agent_id: from, inserted_at: at }: NewMessage): Message {
    return {
      ...{ id, type, payload, from, at },
      acknowledge: (options) => this.#end(id, 'acknowledge', {}, options),
      reject: (reason, options) => this.#end(id, 'reject', { reason }, options),
    };
  }

  #open(): Topic {
    if (this.#topic) return this.#topic;
    const topic = new Topic(this.#connection.line, `messages:${this.#connection.id}`);
    this.#topic = topic;
    topic.on<NewMessage>('new_message', (message) => this.#came(message));
    topic.on<Told>('message_acknowledged', ({ message_id: id }) => this.#settlements.tell({ id, as: 'acknowledged' }));
    topic.on<Told>('message_rejected', ({ message_id: id }) => this.#settlements.tell({ id, as: 'rejected' }));
    topic.onJoin(() => this.#joins.tell());
    this.#connection.join(topic);
    return topic;
  }

  #came(message: NewMessage): void {
    const { id, type, payload } = message;
    if (this.#ended.has(id)) void this.#push(id, 'acknowledge', {}).catch(() => {});
    else if (type.startsWith('aerie.')) {
      this.#notices.tell({ type, id: (payload as { id?: string } | null)?.id ?? '' });
      void this.#end(id, 'acknowledge', {}).catch(() => {});
    } else if (!this.#taken.has(id)) {
      this.#waiting.set(id, message);
      this.#wake.wake();
    }
  }

  async #end(id: string, event: string, said: object, options?: Abortable): Promise<void> {
    this.#taken.delete(id);
    this.#ended.add(id);
    const [oldest] = this.#ended;
    if (this.#ended.size > REMEMBERED && oldest !== undefined) this.#ended.delete(oldest);
    await this.#push(id, event, said, options);
  }

  async #push(id: string, event: string, said: object, options?: Abortable): Promise<void> {
    try {
      await this.#open().call(event, { message_id: id, ...said }, options);
    } catch (error) {
      // Its sender's and the server's business is over: expired, or ended by another process of this agent.
      if (!isReason(error, 'not_found', 'conflict')) throw error;
    }
  }
}
