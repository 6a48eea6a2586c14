import { randomUUID } from 'node:crypto';
import type { Allowances } from '../../allowance/accounts.ts';
import { RateLimit } from '../../allowance/rate_limit.ts';
import type { Broadcast, PubSub } from '../../pubsub/port.ts';
import { reservedTopics } from '../../reserved_topics.ts';
import type { LongPollSession, PollResult, PostResult } from './session.ts';
import type { SessionRef } from './token.ts';

const { longPollRequests: requestTopic, longPollResponses: responseTopic } = reservedTopics;

/** Time within which the node that holds a session must confirm a request. */
const ACK_WITHIN_MS = 2_000;
/** Time after its window when a poll on another node is given up. */
const GRACE_MS = 2_000;

type Request =
  | { readonly kind: 'poll'; readonly id: string; readonly from: string; readonly session: string }
  | { readonly kind: 'abort'; readonly id: string }
  | {
      readonly kind: 'post';
      readonly id: string;
      readonly from: string;
      readonly session: string;
      readonly ndjson: boolean;
      /** base64 */
      readonly body: string;
    };

type Response =
  | { readonly kind: 'ack'; readonly id: string }
  | { readonly kind: 'polled'; readonly id: string; readonly result: PollResult }
  | { readonly kind: 'posted'; readonly id: string; readonly result: PostResult };

interface ForwardedRequest {
  readonly settle: (response: Response | undefined) => void;
  givenUpAtMs: number;
}

/**
 * The sessions that this node holds, and the way to those of other nodes: a poll that reaches the wrong node is
 * forwarded through pub/sub and answered from there, so load balancers need no sticky sessions.
 */
export class LongPollSessions {
  readonly #held = new Map<string, { readonly session: LongPollSession; readonly windowMs: number }>();
  readonly #waiting = new Map<string, ForwardedRequest>();
  readonly #polledFor = new Map<string, () => void>();
  readonly #pubsub: PubSub;
  /** Limits by session on what is forwarded to other nodes: they count its messages, but forwarding has a cost too. */
  readonly #posts: { readonly messages?: RateLimit | undefined; readonly bytes?: RateLimit | undefined };
  readonly #stops: (() => void)[];

  constructor(pubsub: PubSub, { messages, bytes }: Pick<Allowances, 'messages' | 'bytes'> = {}) {
    this.#pubsub = pubsub;
    this.#posts = { messages: messages && new RateLimit(messages), bytes: bytes && new RateLimit(bytes) };
    this.#stops = [
      this.#listen<Request>(requestTopic(pubsub.nodeId), (request) => this.#serve(request)),
      this.#listen<Response>(responseTopic(pubsub.nodeId), (response) => this.#settle(response)),
    ];
  }

  /** Holds a new session. @returns its id */
  hold(session: LongPollSession, windowMs: number): string {
    const id = randomUUID();
    this.#held.set(id, { session, windowMs });
    return id;
  }

  drop(id: string): void {
    this.#held.delete(id);
  }

  /** @returns a function for a client that went away */
  poll({ nodeId, sessionId }: SessionRef, windowMs: number, answer: (result: PollResult) => void): () => void {
    if (nodeId === this.#pubsub.nodeId) {
      const session = this.#held.get(sessionId)?.session;
      if (session) return session.poll(answer);
      answer({ kind: 'gone' });
      return () => {};
    }
    const id = this.#ask(
      nodeId,
      (from, id) => ({ kind: 'poll', id, from, session: sessionId }),
      windowMs,
      (response) => answer(response?.kind === 'polled' ? response.result : { kind: 'gone' }),
    );
    return () => {
      if (this.#waiting.delete(id)) this.#send(requestTopic(nodeId), { kind: 'abort', id });
    };
  }

  post({ nodeId, sessionId }: SessionRef, windowMs: number, body: Buffer, ndjson: boolean): Promise<PostResult> {
    if (nodeId === this.#pubsub.nodeId) {
      return Promise.resolve(this.#held.get(sessionId)?.session.post(body, ndjson) ?? 'gone');
    }
    const waitMs = this.#posts.messages?.take(sessionId) || this.#posts.bytes?.take(sessionId, body.length);
    if (waitMs) return Promise.resolve('rate_limited');
    return new Promise((resolve) => {
      this.#ask(
        nodeId,
        (from, id) => ({ kind: 'post', id, from, session: sessionId, ndjson, body: body.toString('base64') }),
        windowMs,
        (response) => resolve(response?.kind === 'posted' ? response.result : 'gone'),
      );
    });
  }

  /** To be called every so often: there is no timer per session or poll. */
  tick(nowMs: number): void {
    for (const { session, windowMs } of [...this.#held.values()]) session.tick(nowMs, windowMs);
    for (const [id, { settle, givenUpAtMs }] of [...this.#waiting]) {
      if (nowMs < givenUpAtMs) continue;
      this.#waiting.delete(id);
      settle(undefined);
    }
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  // ---- asking another node

  #ask(
    nodeId: string,
    request: (from: string, id: string) => Request,
    windowMs: number,
    settle: (response: Response | undefined) => void,
  ): string {
    const id = randomUUID();
    this.#waiting.set(id, {
      givenUpAtMs: Date.now() + ACK_WITHIN_MS,
      settle: (response) => {
        if (response?.kind !== 'ack') return settle(response);
        this.#waiting.set(id, { settle, givenUpAtMs: Date.now() + windowMs + GRACE_MS });
      },
    });
    this.#send(requestTopic(nodeId), request(this.#pubsub.nodeId, id));
    return id;
  }

  #settle(response: Response): void {
    const waiting = this.#waiting.get(response.id);
    if (!waiting) return;
    if (response.kind !== 'ack') this.#waiting.delete(response.id);
    waiting.settle(response);
  }

  // ---- answering another node

  #serve(request: Request): void {
    if (request.kind === 'abort') {
      this.#polledFor.get(request.id)?.();
      this.#polledFor.delete(request.id);
      return;
    }
    const held = this.#held.get(request.session);
    const { id } = request;
    const answer = (response: Response) => this.#send(responseTopic(request.from), response);
    if (request.kind === 'post') {
      const result = held?.session.post(Buffer.from(request.body, 'base64'), request.ndjson) ?? 'gone';
      return answer({ kind: 'posted', id, result });
    }
    if (!held) return answer({ kind: 'polled', id, result: { kind: 'gone' } });
    answer({ kind: 'ack', id });
    let answered = false;
    const abort = held.session.poll((result) => {
      answered = true;
      this.#polledFor.delete(id);
      answer({ kind: 'polled', id, result });
    });
    if (!answered) this.#polledFor.set(id, abort);
  }

  #send(topic: string, message: Request | Response): void {
    this.#pubsub.publish(topic, { event: message.kind, payload: JSON.stringify(message) });
  }

  #listen<M extends Request | Response>(topic: string, take: (message: M) => void): () => void {
    const { ready, stop } = this.#pubsub.subscribe(topic, ({ event, payload }: Broadcast) => {
      const message: M = JSON.parse(String(payload));
      if (event === message.kind) take(message);
    });
    ready?.catch(() => {});
    return stop;
  }
}
