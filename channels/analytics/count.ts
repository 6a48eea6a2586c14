import type { MessageSettled } from '../messages/facts.ts';
import type { MovedAmount } from '../payment/facts.ts';
import type { TaskEnded } from '../task/facts.ts';
import { addDuration } from './durations.ts';
import type { CountedFact } from './facts.ts';
import { addCount, addEarned, addMoney, addReceived, type Figures } from './figures.ts';
import type { Scope } from './scope.ts';

/** Counts a fact into the figures of a scope: for an agent what it had part in, for all of them everything once. */
export function countFact(figures: Figures, fact: CountedFact, scope: Scope): void {
  const isGlobal = scope.kind === 'global';
  switch (fact.type) {
    case 'task_created':
      return addCount(figures, 'tasks_created', 1);
    case 'task_started':
      return isGlobal || fact.provider === scope.id ? addCount(figures, 'provided_started', 1) : undefined;
    case 'task_completed':
    case 'task_failed':
    case 'task_cancelled':
      return countTask(figures, fact, scope);
    case 'message_sent':
      return addCount(figures, 'messages_sent', 1);
    case 'message_acknowledged':
    case 'message_rejected':
    case 'message_expired':
      return countSettled(figures, fact, scope);
    case 'negotiation_opened':
      return addCount(figures, 'negotiations_opened', 1);
    case 'negotiation_agreed':
      return addCount(figures, 'negotiations_agreed', 1);
    case 'negotiation_rejected':
      return addCount(figures, 'negotiations_rejected', 1);
    case 'transfer_executed':
      addCount(figures, 'transfers', 1);
      addMoney(figures, 'volume', BigInt(fact.amountMicro));
      return countMoved(figures, fact, scope, 1);
    case 'dispute_opened':
      return addCount(figures, 'disputes', 1);
    case 'channel_closed':
      return fact.moved ? countMoved(figures, fact.moved, scope, 0) : undefined;
    case 'session_opened':
      return addCount(figures, 'sessions_opened', 1);
    case 'session_assigned':
      // Among all it was counted when it was opened.
      return isGlobal ? undefined : addCount(figures, 'sessions_opened', 1);
    case 'session_message':
      return addCount(figures, 'session_messages', 1);
    case 'execution_ended':
      addCount(figures, 'executions', 1);
      addCount(figures, 'execution_ms', fact.durationMs);
      return addDuration(figures.executions, fact.durationMs);
    case 'session_ended':
      return addCount(figures, 'sessions_closed', 1);
    case 'session_paid':
      addCount(figures, 'session_payments', 1);
      return addMoney(figures, 'credits', BigInt(fact.amountMicro));
    case 'coordination_ended':
      addCount(figures, 'coordinations_ended', 1);
      return fact.status === 'APPROVED' ? addCount(figures, 'coordinations_approved', 1) : undefined;
    case 'online_sampled':
      if (!isGlobal || fact.look === null) return;
      addCount(figures, 'online_looks', 1);
      if (fact.look.isFirst) addCount(figures, 'online_minutes', 1);
      return addCount(figures, 'online_seen', fact.look.online);
    case 'agent_registered':
    case 'agent_moved':
    case 'backlog_changed':
    case 'coordination_initiated':
      return;
  }
}

function countTask(figures: Figures, fact: CountedFact & TaskEnded, { kind, id }: Scope): void {
  const isGlobal = kind === 'global';
  const isProvider = isGlobal || fact.provider === id;
  addCount(figures, `tasks_${outcomeOf(fact)}`, 1);
  if (isProvider && fact.type === 'task_failed') addCount(figures, 'provided_failed', 1);
  if (fact.type !== 'task_completed') return;
  addDuration(figures.durations, fact.durationMs);
  addCount(figures, 'duration_ms', fact.durationMs);
  if (!isProvider) return;
  addCount(figures, 'provided_completed', 1);
  if (fact.runMs !== undefined) {
    addCount(figures, 'provided_timed', 1);
    addCount(figures, 'provided_run_ms', fact.runMs);
  }
  // Revenue of all agents together is not public.
  if (!isGlobal && fact.priceMicro !== null) addEarned(figures, fact.capability ?? '', BigInt(fact.priceMicro));
}

/** For its sender, and for who got it. */
function countSettled(figures: Figures, { type, from, to }: MessageSettled, { kind, id }: Scope): void {
  const outcome = type.slice('message_'.length) as 'acknowledged' | 'rejected' | 'expired';
  const isGlobal = kind === 'global';
  if (outcome !== 'expired' && (isGlobal || from === id)) addCount(figures, `messages_${outcome}`, 1);
  if (isGlobal || to === id) addCount(figures, `received_${outcome}`, 1);
}

const outcomeOf = ({ type }: TaskEnded) => type.slice('task_'.length) as 'completed' | 'failed' | 'cancelled';

/** @param transfers 1, or 0 for what a close moves */
function countMoved(
  figures: Figures,
  { from, to, amountMicro }: MovedAmount,
  { kind, id }: Scope,
  transfers: number,
): void {
  const micro = BigInt(amountMicro);
  if (kind === 'global') return;
  if (id === from) addMoney(figures, 'spend', micro);
  if (id !== to) return;
  addMoney(figures, 'revenue', micro);
  addReceived(figures, from, micro, transfers);
}
