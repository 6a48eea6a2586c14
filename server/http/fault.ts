import { randomUUID } from 'node:crypto';
import type { Log } from '../log.ts';
import type { Refusal } from '../refusal.ts';
import { Unavailable } from '../unavailable.ts';
import { httpRefusal } from './problem.ts';

/**
 * The client's answer when a handler threw: `unavailable` if something that the node needs is out of reach, else
 * `internal_error` with the id under which the log has the cause. It never tells more than that.
 */
export function faultRefusal(error: unknown, log: Log, where: object): Refusal {
  if (error instanceof Unavailable) {
    log.warn({ err: error, ...where }, 'unavailable');
    return httpRefusal('unavailable');
  }
  const incident = randomUUID();
  log.error({ err: error, incident, ...where }, 'internal error');
  return httpRefusal('internal_error', { incident });
}
