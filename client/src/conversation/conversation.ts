import type { Abortable } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { newId } from '../ids.ts';
import { Wake } from '../wake.ts';
import type { ConversationMessage, MessagePart } from '../wire.ts';

export interface SayOptions extends Abortable {
  readonly replyToId?: string;
  /** The same id again is the same message. */
  readonly id?: string;
}

interface Told {
  readonly conversationId: string;
}

/** A conversation of this agent's (CONVERSATIONS.md). */
export class Conversation {
  readonly id: string;
  readonly taskId: string;
  readonly name: string | undefined;
  /** Agents, as they were when it was asked for. */
  readonly participants: readonly string[];
  readonly #connection: Connection;
  /** Of messages that may be there, this side's own too. */
  readonly #news: Wake;

  /** @internal */
  constructor(
    connection: Connection,
    { id, taskId, name, participants }: Pick<Conversation, 'id' | 'taskId' | 'name' | 'participants'>,
  ) {
    this.#connection = connection;
    this.#news = new Wake(connection.closed);
    this.id = id;
    this.taskId = taskId;
    this.name = name;
    this.participants = participants;
  }

  /** All messages behind a seq, in the order of the log, and then as they come; this agent's own too. */
  async *messages({
    since = '0',
    signal,
  }: Abortable & { readonly since?: string } = {}): AsyncGenerator<ConversationMessage> {
    const topic = this.#connection.agentTopic;
    const news = this.#news;
    const came = () => news.wake();
    const stops = [
      topic.on<{ message: Told }>(
        'agent/message/received',
        ({ message }) => message.conversationId === this.id && came(),
      ),
      topic.onJoin(came),
    ];
    try {
      for (let last = since; ; ) {
        const { version } = news;
        type Page = { readonly messages: readonly ConversationMessage[]; readonly hasMore: boolean };
        const { messages, hasMore } = await topic.call<Page>(
          'agent/message/list',
          { ...this.#names, sinceSeq: last },
          { signal },
        );
        for (const message of messages) {
          last = message.seq;
          yield message;
        }
        if (!hasMore) await news.since(version, signal);
      }
    } finally {
      for (const stop of stops) stop();
    }
  }

  /** Says something; resolves when it is stored. @param parts a text, or up to 10 parts */
  async send(
    parts: string | readonly MessagePart[],
    { replyToId, id = newId(), signal }: SayOptions = {},
  ): Promise<ConversationMessage> {
    const said = typeof parts === 'string' ? [{ type: 'text', text: parts }] : parts;
    const payload = { ...this.#names, id, parts: said, replyToId };
    const { message } = await this.#connection.agentTopic.call<{ message: ConversationMessage }>(
      'agent/message/send',
      payload,
      { signal },
    );
    // The server tells the others alone.
    this.#news.wake();
    return message;
  }

  /** Marks everything up to a message as read. */
  async read({ id }: Pick<ConversationMessage, 'id'>, options?: Abortable): Promise<void> {
    await this.#connection.agentTopic.call('agent/message/read', { ...this.#names, messageId: id }, options);
  }

  get #names() {
    return { taskId: this.taskId, conversationId: this.id };
  }
}
