import { FOLLOW_UP_MS } from '../messages/follow_up.ts';
import { digestOf, type SessionDraft, saidKey } from './draft.ts';
import type { PendingRequest, RequestStatus, Session, SessionEnd } from './state.ts';

/** A session to which its user never connects ends after this time. */
export const UNVISITED_MS = 3_600_000;
/** A session ends so long after its last entry. */
export const QUIET_MS = 24 * 3_600_000;

/** Ends the session; while a payment is being booked its outcome comes first. */
export function close(draft: SessionDraft, { reason, by }: SessionEnd, nowMs: number): void {
  const { pending, closing, closeAfter } = draft.session;
  if (closing || closeAfter) return;
  if (pending && pending.stage !== 'asked') {
    draft.set({ closeAfter: { reason, by } });
    draft.events.push({ type: 'close_waits' });
    return;
  }
  if (pending) endByTime(draft, pending, 'session_closed', nowMs);
  draft.append({ type: 'session_closed', by, reason });
  draft.set({ closing: { reason, by, atMs: nowMs }, closeAfter: null, followUpDueMs: nowMs + FOLLOW_UP_MS });
}

/** Time at which the session ends by itself if nothing happens. */
export function expiresAtMs({ userHasConnected, insertedAtMs, lastEntryAtMs }: Session): number {
  return userHasConnected ? lastEntryAtMs + QUIET_MS : insertedAtMs + UNVISITED_MS;
}

/** Declines a request that the user has not answered. */
export function endByTime(
  draft: SessionDraft,
  pending: PendingRequest,
  by: 'expired' | 'session_closed',
  nowMs: number,
): void {
  draft.append({ type: 'payment_response', by, request_id: pending.id, approved: false });
  endRequest(draft, pending, by, nowMs);
}

/** Ends a request whose last entry stands in the draft. */
export function endRequest(
  draft: SessionDraft,
  { sentAs, ...pending }: PendingRequest,
  status: RequestStatus,
  nowMs: number,
): void {
  draft.set({ pending: null, requestEndedAtMs: nowMs });
  if (sentAs === undefined) return;
  const { seq, id, expiresAtMs, amountMicro, action, description } = pending;
  const digest = digestOf({ amountMicro, action, description });
  draft.remember(saidKey('request', sentAs), { seq, digest, request: { id, expiresAtMs, status } });
}
