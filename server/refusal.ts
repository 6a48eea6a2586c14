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
  invalid_payload: 'What was sent does not have the form that is taken here.',
  unknown_event: 'This channel has no such event.',
  rate_limited: 'Too many messages; wait a moment.',
  binary_unsupported: 'Binary data cannot be sent over long-poll; connect with a WebSocket.',
} as const;

export type FrameworkReason = keyof typeof frameworkReasons;

export function frameworkRefusal(reason: FrameworkReason, details?: object): Refusal {
  return { ok: false, reason, message: frameworkReasons[reason], ...(details && { details }) };
}

/** A join refused for one of these is refused for good: trying again does not help. */
const FINAL = new Set(['not_found', 'unauthorized', 'forbidden']);

export function isFinal(refusal: Refusal): boolean {
  return FINAL.has(refusal.reason);
}
