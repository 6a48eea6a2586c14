import { httpReasons } from '../../server/http/index.ts';
import { frameworkReasons, invalidPayload, payloadFault, type Refusal, refusals } from '../../server/index.ts';

/** Every reason for which the platform says no (PROTOCOL.md), with its message for people. */
export const reasons = {
  ...frameworkReasons,
  ...httpReasons,
  unauthorized: 'Only a valid credential of somebody who takes part in this gets in.',
  conflict: 'This id is taken.',
  inbox_full: 'The inbox holds as many messages as it may.',
  too_many_keys: 'There are too many keys; revoke one first.',
  task_closed: 'The task has ended.',
  seq_conflict: 'Something else is stored under this seq.',
  stream_too_large: 'A stream holds at most 65,536 chunks and 16 MiB.',
  stream_closed: 'The stream is complete.',
  missing_chunks: 'Some chunks of the stream are not stored yet.',
  size_mismatch: 'The stored chunks have another size in bytes.',
  checksum_mismatch: 'The stored chunks have another SHA-256.',
  invalid_signature: 'The signature does not fit: it has to be over exactly this, by the agent that is named.',
  offer_exceeds_limit: 'An offer may be at most twice the base price.',
  too_many_rounds: 'Each side may make at most 10 offers.',
  offers_incomplete: 'Both sides have to make an offer first.',
  own_offer_is_last: 'Whoever made the later offer waits; the other side accepts.',
  amount_mismatch: 'The amount is another one.',
  session_closed: 'The negotiation has ended.',
  transfer_pending: 'Another transfer is pending.',
  invalid_nonce: 'The nonce has to be the next one.',
  insufficient_balance: 'The sender has not got that much.',
  no_pending_transfer: 'No such transfer is pending.',
  not_counterparty: 'The other side acknowledges a transfer, not its sender.',
  invalid_evidence: 'The state shown as evidence is not one that both have signed, or its nonce is burned.',
  balance_mismatch: 'Both balances together have to be what was deposited.',
  channel_disputed: 'The channel is disputed.',
  channel_closed: 'The channel is closed.',
  unknown_metric: 'There is no such metric.',
} as const;

/** Over HTTP a reason about a thing's state is 409; these are about what was sent. */
const statuses: Readonly<Record<string, number>> = {
  invalid_signature: 400,
  invalid_evidence: 400,
  unknown_metric: 400,
};
export const statusOf = (reason: string) => statuses[reason];

export type Reason = keyof typeof reasons;

export const refuse = refusals(reasons);

/** Refuses a field for what a schema cannot say. @param path a JSON pointer; @param says `must be above 0` */
export function refuseField(path: string, says: string): Refusal {
  return invalidPayload([payloadFault(path, says)]);
}

/** Refuses a field for its size. @param path a JSON pointer */
export function refuseSize(path: string, maxKiB: number): Refusal {
  return refuse('payload_too_large', [payloadFault(path, `must not be larger than ${maxKiB} KiB`)]);
}
