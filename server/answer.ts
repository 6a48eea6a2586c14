import type { Refusal } from './refusal.ts';

/** A handler's answer to a client's event. A `Refusal` is sent as an error reply; `undefined` sends no reply. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a `return` is one that does not reply
export type Answer = Reply | Refusal | Later | Stop | void;

/** The answer to a join: `accept` or `refuse`; an `errorReply` refuses it with a response of any form. */
export type JoinAnswer<A extends object> = Accept<A> | Refusal | Reply<'error'>;

/** Says that a client may join, before what it sent is looked at. */
export interface Grant<G> {
  readonly kind: 'grant';
  readonly granted: G;
}

export type Awaitable<T> = T | Promise<T>;

export interface Reply<Status extends string = 'ok' | 'error'> {
  readonly kind: 'reply';
  readonly status: Status;
  /** A JSON value, or bytes. */
  readonly response: unknown;
}

export interface Later {
  readonly kind: 'later';
  // biome-ignore lint/suspicious/noConfusingVoidType: as in `Answer`
  readonly answer: Promise<Reply | Refusal | void>;
  readonly leaveWaits: boolean;
}

export interface LaterOptions {
  /** True if a leave that comes meanwhile waits for the answer, at most as long as the endpoint's limits say. */
  readonly leaveWaits?: boolean;
}

export interface Stop {
  readonly kind: 'stop';
  readonly reply: Reply | Refusal | undefined;
}

export interface Accept<A extends object> {
  readonly kind: 'accept';
  readonly assigns: A;
  readonly response: object;
  readonly options: AcceptOptions;
}

export interface AcceptOptions {
  /** Broadcasts that this member does not get. */
  readonly without?: readonly string[];
}

export function reply(response: unknown = {}): Reply<'ok'> {
  return { kind: 'reply', status: 'ok', response };
}

/**
 * Makes an error reply of any form, for a protocol that exists already and has another one than `{reason, message}`.
 * Everywhere else return `refuse(reason, details)`.
 */
export function errorReply(response: unknown): Reply<'error'> {
  return { kind: 'reply', status: 'error', response };
}

/**
 * Answers when `answer` resolves; meanwhile the channel handles other events, so replies may overtake each other. A
 * handler that is `async` instead holds back the channel's next events until it is done. A reply that is still to
 * come when the channel ends is dropped, as in Phoenix; with `leaveWaits` a client that leaves gets it first.
 */
export function later(answer: Later['answer'], { leaveWaits = false }: LaterOptions = {}): Later {
  return { kind: 'later', answer, leaveWaits };
}

/** Ends the channel (the client sees `phx_close`), after a reply if one is given. */
export function stop(finalReply?: Reply | Refusal): Stop {
  return { kind: 'stop', reply: finalReply };
}

/**
 * Lets a client join.
 *
 * @param assigns  what the channel's handlers need to know from now on
 * @param response what the client gets: the state that it needs to go on from nothing
 */
export function accept<A extends object>(assigns: A, response: object = {}, options: AcceptOptions = {}): Accept<A> {
  return { kind: 'accept', assigns, response, options };
}

/**
 * Lets a client in, whatever it sent.
 *
 * @param granted what `join` needs of what was found; it gets it as `granted` of its request
 */
export function grant(): Grant<undefined>;
export function grant<G>(granted: G): Grant<G>;
export function grant<G>(granted?: G): Grant<G | undefined> {
  return { kind: 'grant', granted };
}
