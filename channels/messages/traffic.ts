import type { FactContext } from '../kernel/aggregate.ts';
import { type Traffic, touched } from '../kernel/traffic.ts';
import type { AsSent, Inbox, InboxEvent } from './inbox.ts';
import type { Message, MessageEvent } from './state.ts';

/** A message as it is shown to those who watch. */
export function asSent({ about, payloadJson = '' }: Message): AsSent {
  const { id, type, fromAgentId, expiresAtMs, isCounted } = about;
  const payloadBytes = Buffer.byteLength(payloadJson);
  return { fromAgentId, message: { id, type, payloadJson, payloadBytes, expiresAtMs, isCounted } };
}

/** A message counts from the moment when the inbox has it. */
export function inboxTraffic(
  events: readonly InboxEvent[],
  _inbox: Inbox,
  { id: to, nowMs: atMs }: FactContext<Inbox>,
): Traffic[] {
  return events.flatMap((event): Traffic[] => {
    if (event.type !== 'placed' || !event.sent) return [];
    const { fromAgentId: from, message } = event.sent;
    const counted = message.isCounted ? { messages: 1, bytes: message.payloadBytes } : { messages: 0, bytes: 0 };
    return [{ kind: 'message', from, to, atMs, ...counted, settled: null, message }];
  });
}

/** An acknowledgement or a rejection, of a message that an agent has sent to another. */
export function messageTraffic(
  events: readonly MessageEvent[],
  { about, progress }: Message,
  { nowMs: atMs }: FactContext<Message>,
): Traffic[] {
  const { fromAgentId: from, toAgentId: to, isCounted, insertedAtMs } = about;
  const { status: as } = progress;
  if (from === null || !isCounted || (as !== 'acknowledged' && as !== 'rejected')) return [];
  if (!events.some(({ type }) => type === 'settled')) return [];
  return [{ ...touched('message', from, to, atMs), settled: { as, afterMs: Math.max(0, atMs - insertedAtMs) } }];
}
