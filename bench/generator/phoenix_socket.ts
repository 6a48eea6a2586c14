import { WebSocketConnection } from './websocket.ts';

/** Takes what a server pushes to a topic, in the form that its contract says. */
export type OnPush<Pushed> = (event: string, payload: Pushed) => void;

interface Awaited {
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A client of Phoenix Channels for what is not about bytes: it parses all it gets. */
export class PhoenixSocket {
  /** Called when the connection is lost; without it that is an error of the run. */
  onLost: (() => void) | undefined;
  readonly #connection: WebSocketConnection;
  readonly #awaited = new Map<string, Awaited>();
  readonly #topics = new Map<string, { readonly joinRef: string; readonly onPush: OnPush<unknown> }>();
  #opening: Awaited | undefined;
  #ref = 0;
  #isEnding = false;

  private constructor(port: number, query: string, opening: Awaited) {
    this.#opening = opening;
    this.#connection = new WebSocketConnection(port, `/socket/websocket?vsn=2.0.0&${query}`, {
      onOpen: () => {
        this.#opening?.resolve(this);
        this.#opening = undefined;
      },
      onText: (bytes, start, end) => this.#onText(bytes.toString('utf8', start, end)),
      onClosed: (cause) => this.#onClosed(cause),
    });
  }

  static connect(port: number, apiKey: string): Promise<PhoenixSocket> {
    return new Promise((resolve, reject) => {
      const socket: PhoenixSocket = new PhoenixSocket(port, `api_key=${apiKey}`, {
        resolve: () => resolve(socket),
        reject,
      });
    });
  }

  /** @returns the join's answer. @throws Error with the refusal */
  join<Answer, Pushed = unknown>(
    topic: string,
    payload: object = {},
    onPush: OnPush<Pushed> = () => {},
  ): Promise<Answer> {
    const joinRef = `${++this.#ref}`;
    this.#topics.set(topic, { joinRef, onPush: (event, pushed) => onPush(event, pushed as Pushed) });
    return this.#ask(joinRef, joinRef, topic, 'phx_join', payload);
  }

  /** @returns the reply. @throws Error with the refusal */
  push<Answer>(topic: string, event: string, payload: object): Promise<Answer> {
    const joinRef = this.#topics.get(topic)?.joinRef ?? null;
    return this.#ask(joinRef, `${++this.#ref}`, topic, event, payload);
  }

  end(): void {
    this.#isEnding = true;
    this.#connection.destroy();
  }

  #ask<Answer>(joinRef: string | null, ref: string, topic: string, event: string, payload: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#awaited.set(ref, { resolve: (response) => resolve(response as Answer), reject });
      this.#connection.sendText(JSON.stringify([joinRef, ref, topic, event, payload]));
    });
  }

  #onText(text: string): void {
    const [, ref, topic, event, payload] = JSON.parse(text);
    if (event !== 'phx_reply') return this.#topics.get(topic)?.onPush(event, payload);
    const awaited = this.#awaited.get(ref);
    this.#awaited.delete(ref);
    if (payload.status === 'ok') awaited?.resolve(payload.response);
    else awaited?.reject(new Error(`${topic}: ${JSON.stringify(payload.response)}`));
  }

  #onClosed(cause: string): void {
    if (this.#isEnding) return;
    const error = new Error(`a connection was lost: ${cause}`);
    const awaited = [...this.#awaited.values(), ...(this.#opening ? [this.#opening] : [])];
    this.#awaited.clear();
    for (const { reject } of awaited) reject(error);
    if (this.onLost) this.onLost();
    else if (awaited.length === 0) throw error;
  }
}
