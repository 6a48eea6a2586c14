/**
 * An answer that says no: what a client gets as `{reason, message, details?}`. A refusal is a value; an exception is a
 * fault of ours.
 */
export interface Refusal {
  readonly ok: false;
  /** A stable snake_case code for programs. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  readonly details?: object;
}

/** The reasons that the framework itself gives; an application adds its own. */
export const frameworkReasons = {
  invalid_payload: 'The payload does not have the expected form.',
  unknown_event: 'Unknown event: this channel does not take it from clients.',
  rate_limited: 'Too many messages: wait for retry_after_ms, then send it again.',
  binary_unsupported: 'Long-poll cannot carry binary data: connect with a WebSocket.',
} as const;

/**
 * Makes an application's `refuse` from its reasons, each with its message for people. Another reason does not compile.
 *
 * @example
 * const refuse = refusals({ room_full: 'The room is full.' });
 * refuse('room_full', { limit: 10 }) // {ok: false, reason: 'room_full', message: 'The room is full.', details: {limit: 10}}
 */
export function refusals<R extends string>(messages: Readonly<Record<R, string>>) {
  return (reason: R, details?: object): Refusal => ({
    ok: false,
    reason,
    message: messages[reason],
    ...(details && { details }),
  });
}

/** Refuses for a reason of the framework's own. */
export const frameworkRefusal = refusals(frameworkReasons);

/**
 * Refuses a join or an event: the client gets `{reason, message, details?}` as an error reply. An application with a
 * table of messages makes its own by `refusals`.
 *
 * @param reason a stable snake_case code for programs; `not_found`, `unauthorized` and `forbidden` refuse a join for good.
 *               Its message is the code in words, unless it is one of `frameworkReasons`
 */
export function refuse(reason: string, details?: object): Refusal {
  const known = Object.hasOwn(frameworkReasons, reason) ? frameworkReasons[reason as FrameworkReason] : undefined;
  return refusals({ [reason]: known ?? inWords(reason) })(reason, details);
}

type FrameworkReason = keyof typeof frameworkReasons;

function inWords(reason: string): string {
  const words = reason.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

/** A join refused for one of these is refused for good: trying again does not help. */
const FINAL = new Set(['not_found', 'unauthorized', 'forbidden']);

export function isFinal(refusal: Refusal): boolean {
  return FINAL.has(refusal.reason);
}
