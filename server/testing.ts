import { isDeepStrictEqual } from 'node:util';
import type { Channel } from './channel.ts';
import { Hub } from './hub.ts';
import { type Log, silentLog } from './log.ts';
import { pushCheck } from './payload.ts';
import { Connection } from './runtime/connection.ts';
import type { RuntimeContext } from './runtime/context.ts';
import { type Received, recordingSerializer, recordingTransport } from './runtime/recording.ts';
import { ChannelTable, connected } from './socket.ts';

export interface TestOptions<C extends object> {
  /** Assigned as if by `connect`. */
  readonly assigns: C;
  /** The hub by which presence and other parts broadcast, if the channel uses them. Left out: a new one. */
  readonly hub?: Hub;
  readonly transport?: 'websocket' | 'longpoll';
  /** Time that an `expect…` waits. Default: 1 s. */
  readonly withinMs?: number;
}

/** A join that was refused. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused';
  /** The response that the client got: `{reason, message, details?}`. */
  readonly response: unknown;

  constructor(topic: string, response: unknown, cause: unknown) {
    super(`the join of "${topic}" was refused: ${JSON.stringify(response)}`, cause === undefined ? {} : { cause });
    this.response = response;
  }
}

/**
 * Runs a channel without a network, for specs: joins, pushes, and expects what comes back. What the channel pushes or
 * broadcasts is checked against its `pushes`: another event or form fails the next `expect…`.
 *
 * @example
 * const ada = testChannel(room, { assigns: { user: 'ada' } });
 * await ada.join('room:lobby');
 * await ada.expectReply(ada.push('say', { text: 'hi' }), 'ok');
 * await ada.expectBroadcast('said', { text: 'hi' });
 */
export function testChannel<C extends object>(channel: Channel<C>, options: TestOptions<C>): TestClient<C> {
  return new TestClient(channel, options, new TestServer(options.hub ?? new Hub()));
}

/** Everything that the clients of one test share. */
class TestServer {
  readonly hub: Hub;
  readonly context: RuntimeContext;
  /** The last error that a handler threw. */
  fault: unknown;

  constructor(hub: Hub) {
    this.hub = hub;
    this.context = {
      nodeId: hub.pubsub.nodeId,
      fanout: hub.fanout,
      log: this.#log(),
      limits: {
        maxChannelsPerSocket: 100,
        maxWaitingMessages: 1_000,
        maxWaitingBytes: 1_048_576,
        maxLeaveDelayMs: 5_000,
      },
      stats: {
        joins: 0,
        refusedJoins: 0,
        messagesIn: 0,
        messagesOut: 0,
        faults: 0,
        rateLimited: 0,
        dropped: 0,
        floodCloses: 0,
      },
      onFault: (error) => {
        this.fault = error;
        return undefined;
      },
    };
  }

  listen(topic: string, heard: (event: string, payload: unknown) => void): void {
    this.hub.subscribe(topic, ({ event, payload }) =>
      heard(event, typeof payload === 'string' ? JSON.parse(payload) : payload),
    );
  }

  #log(): Log {
    return {
      ...silentLog,
      error: (fields) => {
        this.fault = (fields as { readonly err?: unknown }).err;
      },
    };
  }
}

interface Told {
  readonly event: string;
  readonly payload: unknown;
}

/** One client of a channel under test. It joins one topic at a time. */
export class TestClient<C extends object> {
  readonly #channel: Channel<C>;
  readonly #options: TestOptions<C>;
  readonly #server: TestServer;
  readonly #connection: Connection;
  readonly #checks: ReadonlyMap<string, ReturnType<typeof pushCheck>> | undefined;
  readonly #received: Received[] = [];
  readonly #broadcasts: Told[] = [];
  readonly #listening = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #faults: string[] = [];
  #topic: string | undefined;
  #refs = 0;
  #joinRef = '';

  /** Made by `testChannel` and `another`. */
  constructor(channel: Channel<C>, options: TestOptions<C>, server: TestServer) {
    this.#channel = channel;
    this.#options = options;
    this.#server = server;
    const { pushes } = channel;
    this.#checks = pushes && new Map(Object.entries(pushes).map(([name, type]) => [name, pushCheck(type)]));
    const transport = recordingTransport(options.transport ?? 'websocket', (what) => this.#take(what));
    const socket = {
      ok: true as const,
      connected: connected(options.assigns),
      channels: new ChannelTable([channel as Channel<never>]),
    };
    this.#connection = new Connection(server.context, transport, recordingSerializer, socket);
  }

  /** Another client of the same channel, on the same node. */
  another(options: Partial<TestOptions<C>> = {}): TestClient<C> {
    return new TestClient(this.#channel, { ...this.#options, ...options }, this.#server);
  }

  /**
   * Joins a topic. @returns what the client gets as an answer
   *
   * @throws JoinRefused
   */
  async join(topic: string, params: object = {}): Promise<unknown> {
    if (!this.#listening.has(topic)) {
      this.#listening.add(topic);
      this.#server.listen(topic, (event, payload) => {
        this.#broadcasts.push(this.#checked({ event, payload }));
        this.#wake();
      });
    }
    this.#topic = topic;
    this.#joinRef = `${++this.#refs}`;
    this.#send(this.#joinRef, 'phx_join', params);
    const { status, payload } = await this.#replyTo(this.#joinRef, `an answer to the join of "${topic}"`);
    if (status !== 'ok') throw new JoinRefused(topic, payload, this.#server.fault);
    return payload;
  }

  /** Sends an event of the client. @returns its ref, for `expectReply` */
  push(event: string, payload: unknown = {}): string {
    const ref = `${++this.#refs}`;
    this.#send(ref, event, payload);
    return ref;
  }

  /** Leaves; resolves when that is answered. */
  async leave(): Promise<void> {
    await this.#replyTo(this.push('phx_leave'), 'an answer to the leave');
  }

  /** Loses the connection: the channel ends as `closed`. */
  disconnect(): void {
    this.#connection.closed();
  }

  /** Broadcasts to a topic from outside of the channel, as the hub does. */
  broadcast(topic: string, event: string, payload: object): void {
    this.#server.hub.broadcast(topic, event, payload);
  }

  /**
   * Expects the reply to a push. @returns its response
   *
   * @param response fields that it has to have; others may be there
   */
  async expectReply(ref: string, status: 'ok' | 'error' = 'ok', response?: unknown): Promise<unknown> {
    const reply = await this.#replyTo(ref, `a reply to push ${ref}`);
    if (reply.status === status && fits(reply.payload, response)) return reply.payload;
    throw new Error(`expected the reply ${status} ${shown(response)}, got ${reply.status} ${shown(reply.payload)}`);
  }

  /** Expects that this client gets an event, by a push or a broadcast that reaches it. @returns its payload */
  async expectPush(event: string, payload?: unknown): Promise<unknown> {
    const isMeant = (each: Received) =>
      (each.kind === 'push' || each.kind === 'broadcast') && each.event === event && fits(each.payload, payload);
    const got = await this.#next(this.#received, isMeant, `the push ${event} ${shown(payload)}`);
    return (got as { readonly payload: unknown }).payload;
  }

  /** Expects that something was broadcast to the topic, whoever gets it. @returns its payload */
  async expectBroadcast(event: string, payload?: unknown): Promise<unknown> {
    const isMeant = (each: Told) => each.event === event && fits(each.payload, payload);
    return (await this.#next(this.#broadcasts, isMeant, `the broadcast ${event} ${shown(payload)}`)).payload;
  }

  /** Expects that the channel ends: `phx_close` when it was stopped or left, `phx_error` when a handler threw. */
  async expectEnd(event: 'phx_close' | 'phx_error'): Promise<void> {
    await this.#next(this.#received, (each) => each.kind === 'ended' && each.event === event, event);
  }

  /** Messages that came for this client and were not expected yet, oldest first. */
  get unexpected(): readonly Received[] {
    return this.#received;
  }

  #send(ref: string, event: string, payload: unknown): void {
    if (this.#topic === undefined) throw new Error(`push of "${event}" before a join: call join(topic) first`);
    this.#connection.dispatch({ joinRef: this.#joinRef, ref, topic: this.#topic, event, payload }, 0);
  }

  #take(what: Received): void {
    this.#received.push(what.kind === 'push' || what.kind === 'broadcast' ? this.#checked(what) : what);
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Notes what the channel sends without having said so. A signal is the author's own affair. */
  #checked<T extends Told & { readonly kind?: string }>(told: T): T {
    if (!this.#checks || (told.kind !== 'push' && this.#channel.intercepts.has(told.event))) return told;
    const check = this.#checks.get(told.event);
    const fault = check ? check(told.payload) : 'is not declared: add it to pushes';
    if (fault !== undefined) this.#faults.push(`"${told.event}" of "${this.#channel.topic}": ${fault}`);
    return told;
  }

  async #replyTo(ref: string, what: string) {
    const isReply = (each: Received) => each.kind === 'reply' && each.ref === ref;
    return (await this.#next(this.#received, isReply, what)) as Extract<Received, { readonly kind: 'reply' }>;
  }

  /** Takes out the first that is meant, as soon as it is there. */
  async #next<T>(from: T[], isMeant: (each: T) => boolean, what: string): Promise<T> {
    const { withinMs = 1_000 } = this.#options;
    let at = from.findIndex(isMeant);
    if (at < 0) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(look);
          resolve();
        };
        const look = () => {
          at = from.findIndex(isMeant);
          if (at >= 0) done();
        };
        const timer = setTimeout(done, withinMs);
        this.#waiting.add(look);
      });
    }
    this.#assertFaultless();
    const [got] = at < 0 ? [] : from.splice(at, 1);
    if (got === undefined) throw this.#missing(what, from);
    return got;
  }

  #assertFaultless(): void {
    const [fault] = this.#faults;
    this.#faults = [];
    if (fault !== undefined) throw new Error(`the channel sent what it does not declare: ${fault}`);
  }

  #missing(what: string, among: readonly unknown[]): Error {
    const { fault } = this.#server;
    const came = among.length === 0 ? 'nothing came' : `there was: ${among.map(shown).join(', ')}`;
    const threw = fault === undefined ? '' : `; a handler threw: ${String(fault)}`;
    return new Error(`expected ${what}, but ${came}${threw}`, fault === undefined ? {} : { cause: fault });
  }
}

export type { Received };

const shown = (value: unknown) => (value === undefined ? '' : JSON.stringify(value));

/** True if a payload has all that is expected of it: of objects the fields named, of everything else all of it. */
function fits(payload: unknown, expected: unknown): boolean {
  if (expected === undefined) return true;
  if (!isPlain(payload) || !isPlain(expected)) return isDeepStrictEqual(payload, expected);
  return Object.entries(expected).every(([name, value]) => Object.hasOwn(payload, name) && fits(payload[name], value));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
