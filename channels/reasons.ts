import { httpReasons } from '../server/http/problem.ts';
import { frameworkReasons, type Refusal } from '../server/refusal.ts';

/** Every reason for which the platform says no (PROTOCOL.md), with its message for people. */
export const reasons = {
  ...frameworkReasons,
  ...httpReasons,
  unauthorized: 'Only a valid credential of somebody who takes part in this gets in.',
  conflict: 'This id is taken.',
  too_many_keys: 'There are too many keys; revoke one first.',
} as const;

export type Reason = keyof typeof reasons;

export function refuse(reason: Reason, details?: object): Refusal {
  return { ok: false, reason, message: reasons[reason], ...(details && { details }) };
}

/** Refuses a field for what a schema cannot say. @param path a JSON pointer */
export function refuseField(path: string, message: string): Refusal {
  return refuse('invalid_payload', [{ path, message }]);
}
