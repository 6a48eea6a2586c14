import type { CoordinationFact } from '../coordination/facts.ts';
import type { SessionPaid } from '../credits/facts.ts';
import type { Fact } from '../kernel/facts.ts';
import type { InboxFact, MessageSettled } from '../messages/facts.ts';
import type { NegotiationFact } from '../negotiation/facts.ts';
import type { PaymentFact } from '../payment/facts.ts';
import type { AgentFact } from '../principals/facts.ts';
import type { SessionFact } from '../session/facts.ts';
import type { TaskFact } from '../task/facts.ts';

/** A look at who is online. Of a long list each part is a fact of its own. */
export interface OnlineSampled extends Fact {
  readonly type: 'online_sampled';
  /** Agents online in all, and whether it is the first look in its minute; `null` in all parts but the first. */
  readonly look: { readonly online: number; readonly isFirst: boolean } | null;
  /** Those not named in this minute before. */
  readonly agents: readonly string[];
}

/** Facts of all domains that the figures count. */
export type CountedFact =
  | AgentFact
  | TaskFact
  | InboxFact
  | MessageSettled
  | NegotiationFact
  | PaymentFact
  | SessionFact
  | SessionPaid
  | CoordinationFact
  | OnlineSampled;

const known: Readonly<Record<CountedFact['type'], true>> = {
  agent_registered: true,
  agent_moved: true,
  task_created: true,
  task_started: true,
  task_completed: true,
  task_failed: true,
  task_cancelled: true,
  message_sent: true,
  message_acknowledged: true,
  message_rejected: true,
  message_expired: true,
  backlog_changed: true,
  negotiation_opened: true,
  negotiation_agreed: true,
  negotiation_rejected: true,
  transfer_executed: true,
  dispute_opened: true,
  channel_closed: true,
  session_opened: true,
  session_assigned: true,
  session_message: true,
  execution_ended: true,
  session_ended: true,
  session_paid: true,
  coordination_initiated: true,
  coordination_ended: true,
  online_sampled: true,
};

/**
 * Reads a fact of the log.
 *
 * @returns undefined for one that is not counted, as of a later version. @throws SyntaxError for what is no JSON
 */
export function parseFact(text: string): CountedFact | undefined {
  const fact = JSON.parse(text) as CountedFact;
  return Object.hasOwn(known, fact.type) ? fact : undefined;
}
