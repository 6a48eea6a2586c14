import type { Abortable } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, ignore } from '../error.ts';
import { newId } from '../ids.ts';
import { Topic } from '../topic.ts';
import { Wake } from '../wake.ts';
import type { SessionEntry, SessionState } from '../wire.ts';

/** What a user said. */
export interface UserMessage {
  readonly content: string;
  readonly executionId: string;
  readonly at: string;
}

export interface PaymentRequest extends Abortable {
  /** USDC */
  readonly amount: string;
  /** The name of one of the agent's capabilities. */
  readonly action: string;
  /** 1 to 1,024 characters, for the user. */
  readonly description: string;
}

/** What became of a payment request. */
export interface PaymentAnswer {
  readonly approved: boolean;
  /** `declined`, `expired`, `insufficient_credits`, `session_closed` */
  readonly reason?: string | undefined;
}

interface Pushed {
  readonly seq: number;
}
interface Responded extends Pushed, PaymentAnswer {
  readonly request_id: string;
}
interface Joined {
  readonly session: SessionState;
}

/** A session with a user, on the agent's side (SESSIONS.md). Its loop gives each user message that has no final answer yet. */
export class Session implements AsyncIterable<UserMessage> {
  readonly id: string;
  readonly #topic: Topic<Joined>;
  readonly #wake: Wake;
  readonly #waiting: UserMessage[] = [];
  readonly #answered: ReadonlySet<string>;
  readonly #responses = new Map<string, PaymentAnswer>();
  #state: SessionState;
  #last = 0;
  #current: UserMessage | undefined;
  /** Payment requests of the present message, so that a process that starts again asks for the same ones. */
  #requests = 0;
  #closedFor: string | undefined;

  private constructor(connection: Connection, state: SessionState, answered: ReadonlySet<string>) {
    this.id = state.id;
    this.#wake = new Wake(connection.closed);
    this.#state = state;
    this.#answered = answered;
    const topic = new Topic<Joined>(connection.line, `session:${state.id}`, () => ({ resume: this.#last }));
    this.#topic = topic;
    topic.onJoin(({ session }) => {
      this.#state = session;
    });
    this.#onEntry<{ execution_id: string; content: string; at: string }>('user_message', (said) => {
      const { content, execution_id: executionId, at } = said;
      if (!this.#answered.has(executionId)) this.#waiting.push({ content, executionId, at });
    });
    this.#onEntry<Responded>('payment_response', ({ request_id: id, approved, reason }) =>
      this.#responses.set(id, { approved, reason }),
    );
    this.#onEntry<{ reason: string }>('session_closed', ({ reason }) => {
      this.#closedFor = reason;
      topic.end(new AerieError('session_closed', { details: { reason } }));
    });
    topic.onEnd((error) => {
      this.#closedFor ??= error.reason;
      this.#wake.wake();
    });
    topic.join();
  }

  /** @internal */
  static async open(connection: Connection, state: SessionState): Promise<Session> {
    const answered = new Set<string>();
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const page: { entries: SessionEntry[]; next_cursor?: string } = await connection.http.call(
        'GET',
        `/api/sessions/${state.id}?after=${after}`,
      );
      for (const { type, final, execution_id: id } of page.entries) {
        if (type === 'agent_message' && final && id) answered.add(id);
      }
      after = page.next_cursor;
    }
    const session = new Session(connection, state, answered);
    await session.#topic.joined;
    return session;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** User messages without a final answer, as they come. Ends with the session, or when the agent is closed. */
  [Symbol.asyncIterator](): AsyncGenerator<UserMessage> {
    return this.messages();
  }

  /** The same, with a signal. */
  async *messages({ signal }: Abortable = {}): AsyncGenerator<UserMessage> {
    const isClosed = () => this.#closedFor !== undefined;
    for await (const next of this.#wake.each(() => this.#waiting.shift(), signal, isClosed)) {
      this.#current = next;
      this.#requests = 0;
      yield next;
    }
  }

  /** Answers the message that the loop has given last. @param final false: another answer to it follows */
  async reply(text: string, { final = true, signal }: Abortable & { readonly final?: boolean } = {}): Promise<void> {
    const execution = this.#current?.executionId;
    const id = final && execution !== undefined ? `reply-${execution}` : newId();
    // Answered by a process before this one.
    await this.#tell('agent_message', { id, content: text, final }, { signal }).catch(ignore('conflict'));
  }

  /** Shows the user that the agent is at it. @param message at most 1,024 characters */
  async thinking(message?: string, options?: Abortable): Promise<void> {
    await this.#tell('thinking', { message }, options);
  }

  /** Runs something, and shows the user its call and its result. */
  async tool<Result>(
    name: string,
    args: object,
    run: () => Result | Promise<Result>,
    options?: Abortable,
  ): Promise<Result> {
    const call = { tool_name: name, call_id: newId() };
    await this.#tell('tool_call', { ...call, arguments: args }, options);
    const end = (result: unknown) => this.#tell('tool_result', { ...call, result }, options);
    let result: Result;
    try {
      result = await run();
    } catch (error) {
      // Where the session has ended meanwhile, that is the lesser news.
      await end({ error: String(error) }).catch(() => {});
      throw error;
    }
    await end(result ?? null);
    return result;
  }

  /** Asks the user for money; resolves when it is settled or declined. @throws AerieError: `payment_unavailable`, `payment_pending` */
  async requestPayment({ amount, action, description, signal }: PaymentRequest): Promise<PaymentAnswer> {
    const execution = this.#current?.executionId;
    const id = execution === undefined ? newId() : `pay-${execution}-${this.#requests++}`;
    const asked = { id, amount_usdc: canonical(amount), action, description };
    type Asked = { readonly request_id: string; readonly status: string };
    const { request_id: request, status } = await this.#topic.call<Asked>('request_payment', asked, { signal });
    if (status === 'approved') return { approved: true };
    if (status !== 'pending') return { approved: false, reason: status };
    for (;;) {
      const answer = this.#responses.get(request);
      if (answer) return answer;
      if (this.#closedFor !== undefined) return { approved: false, reason: 'session_closed' };
      await this.#wake.since(this.#wake.version, signal);
    }
  }

  /** Ends the session. @param reason 1 to 256 characters */
  async close(reason: string, options?: Abortable): Promise<void> {
    await this.#topic.call('close_session', { reason }, options);
  }

  /** Tells something about the message that the loop has given last. */
  async #tell(event: string, said: object, options?: Abortable): Promise<void> {
    await this.#topic.call(event, { ...said, execution_id: this.#current?.executionId }, options);
  }

  /** An entry of the log: each once, whatever a rejoin repeats. */
  #onEntry<Payload extends object>(event: string, heard: (payload: Payload & Pushed) => void): void {
    this.#topic.on<Payload & Pushed>(event, (payload) => {
      if (payload.seq <= this.#last) return;
      this.#last = payload.seq;
      heard(payload);
      this.#wake.wake();
    });
  }
}
