import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Inbox, InboxEvent } from './inbox.ts';
import { isSettled, type Message, type MessageEvent } from './state.ts';

export type InboxFact = Fact &
  (
    | { readonly type: 'message_sent'; readonly from: string }
    | { readonly type: 'backlog_changed'; readonly agent: string; readonly pending: number }
  );

export interface MessageSettled extends Fact {
  readonly type: 'message_acknowledged' | 'message_rejected' | 'message_expired';
  readonly from: string;
  /** Absent in what an earlier version has logged. */
  readonly to?: string;
}

/** Number of waiting messages in an inbox that raises an alert. */
export const BACKLOG = 1_000;

/** A message counts from the moment when the inbox has it; the platform's own notices do not. */
export function inboxFacts(
  events: readonly InboxEvent[],
  { head, places }: Inbox,
  { id, nowMs: atMs }: FactContext<Inbox>,
): InboxFact[] {
  return events.flatMap((event): InboxFact[] => {
    if (event.type !== 'placed' && event.type !== 'removed') return [];
    const crosses = head.count === (event.type === 'placed' ? BACKLOG + 1 : BACKLOG);
    const backlog: InboxFact[] = crosses ? [{ type: 'backlog_changed', atMs, agent: id, pending: head.count }] : [];
    if (event.type === 'removed' || event.isNotice) return backlog;
    const from = [...places.values()].find(({ ordinal }) => ordinal === event.ordinal)?.sender;
    return from ? [{ type: 'message_sent', atMs, from }, ...backlog] : backlog;
  });
}

export function messageFacts(
  events: readonly MessageEvent[],
  { about, progress }: Message,
  { nowMs: atMs }: FactContext<Message>,
): MessageSettled[] {
  const { fromAgentId: from, toAgentId: to, isCounted } = about;
  const { status } = progress;
  if (from === null || !isCounted || !isSettled(status)) return [];
  return events.some(({ type }) => type === 'settled') ? [{ type: `message_${status}`, atMs, from, to }] : [];
}
