import { randomUUID } from 'node:crypto';
import type { Log } from '../log.ts';
import { NodesUnavailable } from '../nodes/port.ts';
import { PubSubUnavailable } from '../pubsub/port.ts';
import type { Refusal } from '../refusal.ts';
import { StoreUnavailable } from '../store/port.ts';
import { httpRefusal } from './problem.ts';

/**
 * What a client gets when a handler threw: `unavailable` if the store or the broker is out of reach, else
 * `internal_error` with the id under which the log has the cause. Never more than that.
 */
export function faultRefusal(error: unknown, log: Log, where: object): Refusal {
  const isAway =
    error instanceof StoreUnavailable || error instanceof PubSubUnavailable || error instanceof NodesUnavailable;
  if (isAway) {
    log.warn({ err: error, ...where }, 'unavailable');
    return httpRefusal('unavailable');
  }
  const incident = randomUUID();
  log.error({ err: error, incident, ...where }, 'internal error');
  return httpRefusal('internal_error', { incident });
}
