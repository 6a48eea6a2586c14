import type { Static, TObject, TSchema } from 'typebox';
import { payloadCheck, type Refusal } from '../../server/index.ts';

/** Errors that a row of the catalogue may list, with their codes for clients that do not read tags, and reasons over Phoenix. */
export const TAGS = {
  Unauthorized: { code: -32000, reason: 'unauthorized' },
  Forbidden: { code: -32001, reason: 'forbidden' },
  TaskNotFound: { code: -32002, reason: 'task_not_found' },
  AgentNotFound: { code: -32002, reason: 'agent_not_found' },
  ConversationNotFound: { code: -32002, reason: 'conversation_not_found' },
  MessageNotFound: { code: -32002, reason: 'message_not_found' },
  InvalidParamsError: { code: -32602, reason: 'invalid_payload' },
  ConversationArchived: { code: -32003, reason: 'conversation_archived' },
  TaskClosed: { code: -32003, reason: 'task_closed' },
  ParticipantNotAdmitted: { code: -32003, reason: 'participant_not_admitted' },
  NotAParticipant: { code: -32003, reason: 'not_a_participant' },
  ConversationFull: { code: -32007, reason: 'conversation_full' },
  ProtocolMismatchError: { code: -32008, reason: 'protocol_mismatch' },
  AlreadyConnected: { code: -32010, reason: 'already_connected' },
} as const;
export type Tag = keyof typeof TAGS;

const tagByReason = new Map(Object.entries(TAGS).map(([tag, { reason }]) => [reason as string, tag as Tag]));

/** An error of a row. */
export interface Failure<E extends Tag> {
  readonly ok: false;
  readonly tag: E;
  readonly message?: string;
  readonly data?: object;
}

/** Params that do not fit, which no row lists. */
export interface Invalid {
  readonly ok: false;
  readonly invalid: Refusal;
}

export interface Success<R> {
  readonly ok: true;
  readonly result: R;
}

/** The same, which nobody writes to. */
type Unwritten<T> = T extends readonly (infer I)[]
  ? readonly Unwritten<I>[]
  : T extends object
    ? { readonly [K in keyof T]: Unwritten<T[K]> }
    : T;

/** The caller of a method. */
export interface Caller {
  readonly kind: 'agent' | 'app';
  readonly id: string;
}

/**
 * A method as its author writes it: `requires` is who may call it, `errors` all that it can fail with beside that, `cost` as how
 * many messages a call counts where it is more than one.
 */
export interface RpcSpec<D, P extends TObject, R extends TSchema, E extends Tag> {
  readonly name: string;
  readonly params: P;
  readonly result: R;
  readonly requires: Caller['kind'];
  readonly errors: readonly E[];
  readonly cost?: number;
  handle(call: RpcCall<D, Static<P>, E>): Promise<Success<Unwritten<Static<R>>> | Failure<E> | Invalid>;
}

export interface RpcCall<D, P, E extends Tag> {
  readonly domain: D;
  readonly caller: Caller;
  readonly params: P;
  /** Fails with an error of the row. */
  fail(tag: E, data?: object): Failure<E>;
  /** Fails as a domain has refused. @throws Error for a reason that the row does not list */
  failAs(refusal: Refusal): Failure<E>;
  /** Fails for params that the schema cannot tell from good ones. */
  invalid(refusal: Refusal): Failure<E> | Invalid;
}

/** A method as transports call it. */
export interface Rpc<D> {
  readonly name: string;
  readonly params: TObject;
  readonly result: TSchema;
  readonly requires: Caller['kind'];
  readonly errors: readonly Tag[];
  readonly cost: number;
  /** Checks params and carries it out. `invalid`: the params, where the row lists no `InvalidParamsError`. */
  call(domain: D, caller: Caller, params: unknown): Promise<Success<unknown> | Failure<Tag> | Invalid>;
}

/** Defines a method: the one place where its validation, its caller and its errors stand. */
export function defineRpc<D>() {
  return <P extends TObject, R extends TSchema, const E extends Tag>(spec: RpcSpec<D, P, R, E>): Rpc<D> => {
    const check = payloadCheck(spec.params);
    const listed = new Set<Tag>(spec.errors);
    const fail = (tag: E, data?: object): Failure<E> => ({ ok: false, tag, ...(data && { data }) });
    const failAs = ({ reason, message, details }: Refusal): Failure<E> => {
      const tag = tagByReason.get(reason);
      if (!tag || !listed.has(tag)) throw new Error(`${spec.name} failed with ${reason}, which its row does not list`);
      return { ok: false, tag: tag as E, message, ...(details && { data: details as object }) };
    };
    const invalid = (refusal: Refusal): Failure<E> | Invalid => {
      if (!listed.has('InvalidParamsError')) return { ok: false, invalid: refusal };
      const { message, details } = refusal;
      return { ok: false, tag: 'InvalidParamsError' as E, message, data: { details } };
    };
    return {
      name: spec.name,
      params: spec.params,
      result: spec.result,
      requires: spec.requires,
      errors: spec.errors,
      cost: spec.cost ?? 1,
      async call(domain, caller, params) {
        const checked = check(params ?? {});
        if (!checked.ok) return invalid(checked);
        return spec.handle({ domain, caller, params: checked.payload as Static<P>, fail, failAs, invalid });
      },
    };
  };
}

export interface NotificationDefinition {
  readonly name: string;
  readonly params: TObject;
}

export const defineNotification = (definition: NotificationDefinition): NotificationDefinition => definition;
