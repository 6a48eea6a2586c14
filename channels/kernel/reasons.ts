import { httpReasons } from '../../server/http/index.ts';
import { frameworkReasons, invalidPayload, payloadFault, type Refusal, refusals } from '../../server/index.ts';

/** Every reason for which the platform says no (PROTOCOL.md), with its message for people. */
export const reasons = {
  ...frameworkReasons,
  ...httpReasons,
  unauthorized: 'Expected a valid credential of a participant.',
  conflict: 'This id is taken: choose another one, or repeat the first request unchanged.',
  inbox_full: 'No room in this inbox (details.scope): send again when its agent has acknowledged messages.',
  too_many_keys: 'Too many keys: revoke one first.',
  task_closed: 'The task has ended.',
  seq_conflict: 'Another chunk is already stored under this seq.',
  stream_too_large: 'A stream holds at most 65,536 chunks and 16 MiB.',
  stream_closed: 'The stream is complete and takes no more chunks.',
  missing_chunks: 'Chunks are missing: send them, then complete the stream again.',
  size_mismatch: 'Wrong total_size: details.total_size is that of the stored chunks.',
  checksum_mismatch: 'Wrong checksum: expected the SHA-256 of the stored chunks.',
  invalid_signature: 'Invalid signature: expected one by this agent over exactly this text (docs/signatures.md).',
  offer_exceeds_limit: 'An offer may be at most twice the base price.',
  too_many_rounds: 'Each side may make at most 10 offers.',
  offers_incomplete: 'Both sides must make an offer first.',
  own_offer_is_last: 'You made the latest offer: the other side has to accept it.',
  amount_mismatch: 'Wrong amount: details.expected is the right one.',
  session_closed: 'The negotiation or session has ended.',
  session_full: 'The log of this session is full.',
  too_many_sessions: 'Too many open sessions (details.scope).',
  payment_unavailable: 'Nobody can pay in this session.',
  payment_pending: 'Another payment request is open: wait until it has ended.',
  no_pending_request: 'No such payment request is open.',
  transfer_pending: 'Another transfer is pending: wait until it is acknowledged or rejected.',
  invalid_nonce: 'Wrong nonce: details.expected is the next one.',
  insufficient_balance: 'Insufficient balance.',
  balance_limit: 'A balance of credits is at most 999999999.999999 USDC.',
  no_pending_transfer: 'No such transfer is pending.',
  not_counterparty: 'Only the other side can acknowledge a transfer, not its sender.',
  invalid_evidence: 'Invalid evidence: expected a state that both agents have signed, with a nonce that is not burned.',
  balance_mismatch: 'Wrong balances: together they must be the deposits, details.expected.',
  too_many_proposals: 'Too many proposals of this agent to the other one stand: withdraw one first.',
  channel_not_open: 'The channel is not open yet: its other side has to sign the terms.',
  channel_disputed: 'The channel is disputed.',
  channel_closed: 'The channel is closed.',
  task_not_found: 'No such task, or it has ended.',
  agent_not_found: 'No such agent (details.agentIds).',
  conversation_not_found: 'No such conversation in this task.',
  message_not_found: 'No such message in this conversation.',
  participant_not_admitted: 'Not admitted to the task (details.agentIds).',
  not_a_participant: 'Not a participant of this conversation.',
  conversation_full: 'No room for more (details.limit).',
  conversation_archived: 'The conversation is archived.',
  coordination_closed: 'The coordination has ended.',
  unknown_metric: 'Unknown metric: details.metrics has those that exist.',
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
