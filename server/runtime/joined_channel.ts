import { type Answer, errorReply, type Later, type Reply, type Stop } from '../answer.ts';
import type { Channel } from '../channel.ts';
import type { ChannelSocket, EndReason } from '../channel_socket.ts';
import { hooks, startOf } from '../hooks.ts';
import { frameworkRefusal, isFinal, type Refusal } from '../refusal.ts';
import { idOf } from '../socket.ts';
import { type Address, type ClientMessage, json, type Ref } from '../wire/serializer.ts';
import type { ChannelConnection } from './channel_connection.ts';
import {
  countJoin,
  logCrash,
  logFailedEnd,
  logJoinCrash,
  tellFault,
  tellHandled,
  tellJoined,
  tellRefusal,
} from './channel_telemetry.ts';
import type { Group, Member } from './fanout.ts';
import { Mailbox, type QueuedMessage } from './mailbox.ts';
import { isAnswer, isJoinAnswer, oddAnswer, oddJoinAnswer } from './odd_answers.ts';

/** A join that is to be answered. */
interface Join {
  readonly ref: Ref;
  /** The channel that this join has pushed out. */
  readonly replaced: JoinedChannel | undefined;
  /** 0 where nobody wants to know. */
  readonly startedAtMs: number;
}

const EVERYTHING: readonly string[] = [];

/**
 * One client joined to one topic: from its `phx_join` until it left, was stopped, crashed or its connection closed.
 *
 * Like a Phoenix channel it takes one message after the other: while the join or an `async` handler is under way,
 * later messages wait.
 */
export class JoinedChannel implements ChannelSocket<never>, Address, Member {
  readonly connection: ChannelConnection;
  readonly channel: Channel<never>;
  readonly topic: string;
  /** The join's join_ref as it came: a message with another one is stale. `phx_close` and `phx_error` carry it. */
  readonly rawJoinRef: Ref;
  /** Sent in replies and pushes: the join's ref if it had no join_ref. */
  readonly joinRef: Ref;
  readonly joinRefJson: string;
  assigns: never;
  /** Broadcasts that this member does not get. */
  without: readonly string[] = EVERYTHING;
  /** The fan-out's group that has this member; only the fan-out sets and clears it. */
  group: Group | undefined;

  #state: 'joining' | 'joined' | EndReason = 'joining';
  #busy = true;
  /** Made when the first message has to wait: most channels never need one. */
  #mailbox: Mailbox | undefined;
  /** Answers to come that a leave waits for. */
  #owed = 0;
  #awaitsOwed = false;
  #leaveTimer: NodeJS.Timeout | undefined;
  #endListeners: ((reason: EndReason) => void)[] | undefined;

  constructor(connection: ChannelConnection, channel: Channel<never>, topic: string, join: ClientMessage) {
    this.connection = connection;
    this.channel = channel;
    this.topic = topic;
    this.rawJoinRef = join.joinRef;
    this.joinRef = join.joinRef ?? join.ref;
    this.joinRefJson = json(this.joinRef);
    this.assigns = connection.socket.connected.assigns as never;
  }

  get id(): string {
    return idOf(this.channel, this.topic);
  }

  /** While it is joined, as the topic has it: kept once for all members. */
  get topicJson(): string {
    return this.group?.topic.nameJson ?? json(this.topic);
  }

  get transport(): 'websocket' | 'longpoll' {
    return this.connection.transport.name;
  }

  get ended(): boolean {
    return this.#state !== 'joining' && this.#state !== 'joined';
  }

  // ---- what a channel author calls

  push(event: string, payload: unknown): void {
    this.#assertJoined('push', event);
    if (this.ended) return;
    this.connection.send(this.connection.serializer.push(this, event, payload));
  }

  pushSnapshot(event: string, payloadJson: string): void {
    this.#assertJoined('pushSnapshot', event);
    if (this.ended) return;
    this.connection.sendSnapshot(this.connection.serializer.pushJson(this, event, payloadJson));
  }

  writable(): Promise<void> | undefined {
    return this.ended ? undefined : this.connection.transport.writable();
  }

  broadcast(event: string, payload: unknown): void {
    this.#assertJoined('broadcast', event);
    this.connection.context.fanout.publish(this.topic, event, payload);
  }

  broadcastOthers(event: string, payload: unknown): void {
    this.#assertJoined('broadcastOthers', event);
    this.connection.context.fanout.publish(this.topic, event, payload, this);
  }

  assign(changes: object): void {
    // Of spreads, V8 would make each result a hidden class of its own: 196 bytes and 1 µs more for each join.
    this.assigns = Object.assign({}, this.assigns, changes) as never;
  }

  /** Until the join reply is out, a client takes nothing for this topic. */
  #assertJoined(verb: string, event: string): void {
    if (this.#state !== 'joining') return;
    throw new Error(
      `${verb} of "${event}" on "${this.topic}" before the join is answered: do it in joined(socket) or in a handler`,
    );
  }

  stop(): void {
    this.end('stopped');
  }

  onEnd(listener: (reason: EndReason) => void): void {
    if (this.#state !== 'joining' && this.#state !== 'joined') listener(this.#state);
    else if (this.#endListeners) this.#endListeners.push(listener);
    else this.#endListeners = [listener];
  }

  // ---- joining

  /** Asks the channel. Its answer decides at once or later; `replaced` is the channel that this join has pushed out. */
  join(message: ClientMessage, replaced: JoinedChannel | undefined): void {
    const { ref, payload } = message;
    const { topic, id, assigns } = this;
    const join = { ref, replaced, startedAtMs: startOf(hooks.joined) };
    let answer: ReturnType<Channel<never>['join']>;
    try {
      answer = this.channel.join({ topic, id, assigns, socket: this }, payload);
    } catch (error) {
      return this.#joinFailed(join, error);
    }
    if (!(answer instanceof Promise)) return this.#joinAnswered(join, answer);
    answer.then(
      (settled) => this.#joinAnswered(join, settled),
      (error: unknown) => this.#joinFailed(join, error),
    );
  }

  #joinAnswered(join: Join, answer: Awaited<ReturnType<Channel<never>['join']>>): void {
    if (this.ended) return;
    if (!isJoinAnswer(answer)) return this.#joinFailed(join, new Error(oddJoinAnswer(this.topic)));
    if ('ok' in answer || answer.kind === 'reply') return this.#refuseJoin(join, answer);
    const { fanout } = this.connection.context;
    this.without = answer.options.without ?? EVERYTHING;
    if (Object.keys(answer.assigns).length > 0) this.assign(answer.assigns);
    const ready = fanout.ready(this.topic);
    if (!ready) return this.#joined(join, answer.response);
    ready.then(
      () => this.#joined(join, answer.response),
      (error: unknown) => {
        fanout.release(this.topic);
        this.#joinFailed(join, error);
      },
    );
  }

  #joined({ ref, replaced, startedAtMs }: Join, response: object): void {
    const { fanout } = this.connection.context;
    if (this.ended) return fanout.release(this.topic);
    this.#state = 'joined';
    countJoin(this);
    fanout.join(this);
    this.#sendJoinReply(ref, 'ok', response);
    replaced?.sendEnded('phx_close');
    tellJoined(this, startedAtMs);
    try {
      const joining = this.channel.joined?.(this);
      if (joining instanceof Promise) {
        joining.then(
          () => this.#takeWaiting(),
          (error: unknown) => this.#crash(error, 'joined'),
        );
        return;
      }
    } catch (error) {
      return this.#crash(error, 'joined');
    }
    this.#takeWaiting();
  }

  #joinFailed(join: Join, error: unknown): void {
    if (this.ended) return;
    tellFault(this, 'phx_join', error);
    const refusal = this.connection.context.onFault(error, { topic: this.topic, event: 'phx_join' });
    if (refusal) return this.#refuseJoin(join, refusal);
    logJoinCrash(this, error);
    this.#refuseJoin(join, errorReply({ reason: 'join crashed' }));
  }

  #refuseJoin({ ref, replaced }: Join, answer: Reply<'error'> | Refusal): void {
    const response = 'ok' in answer ? refusalResponse(answer) : answer.response;
    const { reason } = Object(response) as { readonly reason?: unknown };
    this.connection.tellRefusedJoin(this.topic, reason);
    tellRefusal(this, 'phx_join', reason);
    this.#sendJoinReply(ref, 'error', response);
    replaced?.sendEnded('phx_close');
    // The stock client would join again for ever: `phx_close` tells it to stop.
    if ('ok' in answer && isFinal(answer)) this.sendEnded('phx_close');
    this.#finish('stopped');
  }

  // A join reply carries the join_ref as it came, null included.
  #sendJoinReply(ref: Ref, status: 'ok' | 'error', response: unknown): void {
    const { connection, topicJson, rawJoinRef, joinRef, joinRefJson } = this;
    const rawJoinRefJson = rawJoinRef === joinRef ? joinRefJson : json(rawJoinRef);
    // A stock client's join has one and the same ref for both.
    const refJson = ref === rawJoinRef ? rawJoinRefJson : json(ref);
    connection.send(connection.serializer.plainReply(rawJoinRefJson, refJson, topicJson, status, json(response)));
  }

  // ---- messages

  /** A message to this topic, not a join. `bytes`: its size on the wire. */
  receive(message: ClientMessage, bytes: number): void {
    // Whether it is stale shows when its turn comes: a join may be waiting ahead of it, which it belongs to.
    if (this.#busy) return this.wait(message, bytes);
    if (this.#isMeant(message)) this.#take(message, bytes);
  }

  /** True if a message is for this join of the topic, and not for an earlier or later one. */
  #isMeant({ joinRef }: ClientMessage): boolean {
    return joinRef === null || sameRef(joinRef, this.rawJoinRef);
  }

  /** Keeps a message until the channel is free; a join that comes while another is under way waits here as well. */
  wait(message: ClientMessage, bytes: number): void {
    const mailbox = this.#openMailbox();
    const waiting = { message, bytes };
    if (this.#isLeave(message) && !this.#turn()) {
      mailbox.addAnyway(waiting);
      return this.#leaveInTime(waiting);
    }
    if (mailbox.add(waiting)) return;
    this.connection.refuse(message, frameworkRefusal('rate_limited', { retry_after_ms: 1_000 }));
  }

  #openMailbox(): Mailbox {
    this.#mailbox ??= new Mailbox(this.connection.context.limits);
    return this.#mailbox;
  }

  /** True if a join has to wait: for the one that is under way, or for a leave that was sent before it. */
  get holdsBackJoins(): boolean {
    if (this.#state === 'joining') return true;
    return this.#turn()?.event === 'phx_leave';
  }

  /** The first of what waits that ends this join: its leave, or the client's next join. */
  #turn(): ClientMessage | undefined {
    return this.#mailbox?.find((message) => message.event === 'phx_join' || this.#isLeave(message));
  }

  #isLeave(message: ClientMessage): boolean {
    return message.event === 'phx_leave' && this.#isMeant(message);
  }

  #takeWaiting(): void {
    this.#busy = false;
    while (!this.#busy && !this.ended) {
      const next = this.#mailbox?.take();
      if (!next) return;
      if (next.message.event === 'phx_join') return this.#giveWay(next);
      this.connection.dispatch(next.message, next.bytes);
    }
  }

  /** The client's next join of this topic; what waits behind it is meant for that one. */
  #giveWay(join: QueuedMessage): void {
    const behind = this.#mailbox?.takeAll() ?? [];
    for (const { message, bytes } of [join, ...behind]) this.connection.dispatch(message, bytes);
  }

  #take(message: ClientMessage, bytes: number): void {
    const { event, payload, ref } = message;
    if (event === 'phx_leave') return this.#owed > 0 ? this.#leaveAfterOwed({ message, bytes }) : this.#leave(message);
    this.group?.topic.traffic.received(Date.now());
    // An event that is no string is one that no channel has.
    const name = typeof event === 'string' ? event : json(event);
    const startedAtMs = startOf(hooks.handled);
    let answer: Answer | Promise<Answer>;
    try {
      answer = this.#handle(name, payload);
    } catch (error) {
      return this.#handlerFailed(ref, name, error);
    }
    if (!(answer instanceof Promise)) return this.#answered(ref, name, answer, startedAtMs);
    this.#busy = true;
    answer.then(
      (settled) => {
        this.#answered(ref, name, settled, startedAtMs);
        this.#takeWaiting();
      },
      (error: unknown) => {
        this.#handlerFailed(ref, name, error);
        this.#takeWaiting();
      },
    );
  }

  /** As how many messages an event counts. */
  costOf(event: unknown): number {
    return (typeof event === 'string' && this.channel.events.get(event)?.cost) || 1;
  }

  #handle(event: string, payload: unknown): Answer | Promise<Answer> {
    const handler = this.channel.events.get(event);
    if (!handler) {
      const { unknownEvent } = this.channel;
      return unknownEvent ? unknownEvent(event, payload, this) : frameworkRefusal('unknown_event');
    }
    const checked = handler.check(payload);
    return checked.ok ? handler.handle(checked.payload as never, this) : checked;
  }

  /** @param startedAtMs when the event's turn came; 0 where nobody wants to know */
  #answered(ref: Ref, event: string, answer: Answer, startedAtMs: number): void {
    if (this.ended) return;
    try {
      if (answer !== undefined && !isAnswer(answer)) throw new Error(oddAnswer(event, this.topic));
      if (answer && 'kind' in answer && answer.kind === 'later') {
        return this.#answerLater(ref, event, answer, startedAtMs);
      }
      if (answer) this.#give(ref, event, answer);
    } catch (error) {
      return this.#handlerFailed(ref, event, error);
    }
    tellHandled(this, event, startedAtMs);
  }

  #give(ref: Ref, event: string, answer: Reply | Refusal | Stop): void {
    if ('ok' in answer) {
      this.#reply(ref, 'error', refusalResponse(answer));
      tellRefusal(this, event, answer.reason);
    } else if (answer.kind === 'reply') this.#reply(ref, answer.status, answer.response);
    else {
      if (answer.reply) this.#give(ref, event, answer.reply);
      this.end('stopped');
    }
  }

  #answerLater(ref: Ref, event: string, { answer, leaveWaits }: Later, startedAtMs: number): void {
    if (leaveWaits) this.#owed++;
    const settle = (tell: () => void) => {
      tell();
      if (leaveWaits && --this.#owed === 0 && this.#awaitsOwed) this.#takeWaiting();
    };
    answer.then(
      (settled) => settle(() => this.#answered(ref, event, settled, startedAtMs)),
      (error: unknown) => settle(() => this.#handlerFailed(ref, event, error)),
    );
  }

  #reply(ref: Ref, status: string, response: unknown): void {
    this.connection.send(this.connection.serializer.reply(this, ref, status, response));
  }

  #handlerFailed(ref: Ref, event: string, error: unknown): void {
    if (this.ended) return;
    const refusal = this.connection.context.onFault(error, { topic: this.topic, event });
    if (!refusal) return this.#crash(error, event);
    tellFault(this, event, error);
    this.#reply(ref, 'error', refusalResponse(refusal));
  }

  /** A broadcast that this channel intercepts. */
  intercepted(event: string, payload: unknown): void {
    if (this.ended) return;
    try {
      this.channel.intercepts.get(event)?.(payload, this);
    } catch (error) {
      this.#crash(error, event);
    }
  }

  // ---- the end

  #leave({ ref }: ClientMessage): void {
    this.#reply(ref, 'ok', {});
    this.end('left');
  }

  /** Makes the leave wait, and all messages after it. */
  #leaveAfterOwed(leave: QueuedMessage): void {
    this.#busy = true;
    this.#awaitsOwed = true;
    this.#openMailbox().putBack(leave);
    if (!this.#leaveTimer) this.#leaveInTime(leave);
  }

  /** Whatever it waits for may never come. */
  #leaveInTime(leave: QueuedMessage): void {
    this.#leaveTimer = setTimeout(() => {
      this.#mailbox?.remove(leave.message);
      this.#leave(leave.message);
    }, this.connection.context.limits.maxLeaveDelayMs);
  }

  /** Ends the channel and tells the client, unless its connection is gone or its next join is to be answered first. */
  end(reason: EndReason): void {
    if (this.ended) return;
    if (reason === 'left' || reason === 'stopped') this.sendEnded('phx_close');
    else if (reason === 'crashed' || reason === 'restarted') this.sendEnded('phx_error');
    this.#finish(reason);
  }

  sendEnded(event: 'phx_close' | 'phx_error'): void {
    this.connection.send(this.connection.serializer.ended(this.topicJson, json(this.rawJoinRef), event));
  }

  #crash(error: unknown, event: string): void {
    if (this.ended) return;
    tellFault(this, event, error);
    logCrash(this, event, error);
    this.end('crashed');
  }

  #finish(reason: EndReason): void {
    const wasJoined = this.#state === 'joined';
    this.#state = reason;
    clearTimeout(this.#leaveTimer);
    const { context } = this.connection;
    context.fanout.leave(this);
    this.connection.forget(this);
    if (wasJoined) this.#atEnd(() => this.channel.terminate?.(reason, this));
    for (const listener of this.#endListeners ?? []) this.#atEnd(() => listener(reason));
    this.#endListeners = undefined;
    // What waited is answered as for a topic that is not joined, but for the client's own new join: there it is stale.
    const waiting = this.#mailbox?.takeAll() ?? [];
    if (reason === 'duplicate_join') return;
    for (const { message, bytes } of waiting) this.connection.dispatch(message, bytes);
  }

  /** Whatever one of them does, the others are told too. */
  #atEnd(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      logFailedEnd(this, error);
    }
  }
}

function refusalResponse({ reason, message, details }: Refusal): object {
  return details ? { reason, message, details } : { reason, message };
}

function sameRef(one: Ref, other: Ref): boolean {
  return one === other || (typeof one === 'object' && json(one) === json(other));
}
