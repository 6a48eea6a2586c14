import type { Abortable } from './abort.ts';
import { ignore } from './error.ts';
import type { Line } from './line.ts';
import { Listeners } from './listeners.ts';
import { remember } from './recent.ts';
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

/** Something of which nobody is told but the library. */
export interface News {
  /** A notice of the server's that something was made (`aerie.task`, …); `settled`; or `joined`: what came before may have been missed. */
  readonly type: string;
  /** Of the thing that was made, or the message that was settled. */
  readonly id?: string | undefined;
}

interface Told {
  readonly message_id: string;
}

/** Ids of ended messages that are remembered: the answer to an acknowledgement may be lost, and the message then comes again. */
const REMEMBERED = 1_000;

/** The agent whose inbox it is. `closed` aborts when it is closed. */
interface Owner {
  readonly id: string;
  readonly line: Line;
  readonly closed: AbortSignal;
}

/** `messages:{agent_id}` (PROTOCOL.md, section 5.6). */
export class Inbox implements AsyncIterable<Message> {
  readonly #owner: Owner;
  readonly #wake: Wake;
  readonly #news = new Listeners<News>();
  /** Came and was not taken yet, at most as many as the server has outstanding on one join. */
  readonly #waiting = new Map<string, NewMessage>();
  readonly #taken = new Set<string>();
  readonly #ended = new Set<string>();
  #topic: Topic | undefined;

  constructor(owner: Owner) {
    this.#owner = owner;
    this.#wake = new Wake(owner.closed);
  }

  /** Messages as they come, but the server's notices. What the loop's body leaves without an end is acknowledged when the next is taken. */
  [Symbol.asyncIterator](): AsyncGenerator<Message> {
    return this.messages();
  }

  /** The same, with a signal. */
  messages(options?: Abortable): AsyncGenerator<Message> {
    return this.#messages(true, options);
  }

  /** The same without that: only `acknowledge` and `reject` end a message, and what has none comes again at the next connect. */
  manual(options?: Abortable): AsyncGenerator<Message> {
    return this.#messages(false, options);
  }

  /** Each of the server's notices is acknowledged once all listeners were told. @internal */
  onNews(listener: (news: News) => void): () => void {
    this.#open();
    return this.#news.add(listener);
  }

  async *#messages(acknowledges: boolean, options?: Abortable): AsyncGenerator<Message> {
    this.#open();
    for await (const next of this.#wake.each(() => this.#take(), options?.signal)) {
      const { id, type, payload, from_agent_id: from, inserted_at: at } = next;
      yield {
        ...{ id, type, payload, from, at },
        acknowledge: (options) => this.#end(id, 'acknowledge', {}, options),
        reject: (reason, options) => this.#end(id, 'reject', { reason }, options),
      };
      if (acknowledges && !this.#ended.has(id)) void this.#end(id, 'acknowledge').catch(() => {});
    }
  }

  #take(): NewMessage | undefined {
    const [next] = this.#waiting.values();
    if (!next) return undefined;
    this.#waiting.delete(next.id);
    this.#taken.add(next.id);
    return next;
  }

  #open(): Topic {
    this.#topic ??= this.#listen();
    return this.#topic;
  }

  #listen(): Topic {
    const topic = new Topic(this.#owner.line, `messages:${this.#owner.id}`);
    topic.on<NewMessage>('new_message', (message) => this.#came(message));
    for (const event of ['message_acknowledged', 'message_rejected']) {
      topic.on<Told>(event, ({ message_id: id }) => this.#news.tell({ type: 'settled', id }));
    }
    topic.onJoin(() => this.#news.tell({ type: 'joined' }));
    return topic.join();
  }

  #came(message: NewMessage): void {
    const { id, type, payload } = message;
    const isNotice = type.startsWith('aerie.');
    if (isNotice) this.#news.tell({ type, id: (payload as { id?: string } | null)?.id });
    if (isNotice || this.#ended.has(id)) void this.#end(id, 'acknowledge').catch(() => {});
    else if (!this.#taken.has(id)) {
      this.#waiting.set(id, message);
      this.#wake.wake();
    }
  }

  async #end(id: string, event: string, said?: object, options?: Abortable): Promise<void> {
    this.#taken.delete(id);
    remember(this.#ended, id, REMEMBERED);
    // Its sender's and the server's business is over: expired, or ended by another process of this agent.
    await this.#open()
      .call(event, { message_id: id, ...said }, options)
      .catch(ignore('not_found', 'conflict'));
  }
}
