import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import type { AnswerRequest, RequestPayment } from './commands.ts';
import { digestOf, done, repeated, type SessionDecision, type SessionDraft, saidKey, writeRefusal } from './draft.ts';
import { close, endRequest } from './ending.ts';
import { canPay, type PendingRequest, type RequestStatus, type SessionState } from './state.ts';

/** A request is declined so long after it was stored. */
export const REQUEST_MS = 5 * 60_000;
/** A request is shown no sooner than so long after the former one ended. */
export const SILENCE_MS = 1_000;
/** A booking that its node has not finished by then is taken up by any node. */
const BOOKING_MS = 1_000;

interface OfRequest {
  readonly requestId: string;
}

/** Stores a request; auto-pay tries first where the user has allowed it. */
export function requestPayment(
  draft: SessionDraft,
  before: SessionState,
  command: RequestPayment,
  nowMs: number,
): SessionDecision {
  const { id, requestId, paymentId, amountMicro, action, description } = command;
  const key = id === undefined ? undefined : saidKey('request', id);
  const digest = digestOf({ amountMicro, action, description });
  const repeat = key && repeated(before, before.said.get(key), digest);
  if (repeat) return repeat;
  const { session } = draft;
  const refused = writeRefusal(session);
  if (refused) return refused;
  if (!canPay(session)) return refuse('payment_unavailable');
  if (session.pending) return refuse('payment_pending', { request_id: session.pending.id });

  const expiresAtMs = nowMs + REQUEST_MS;
  const { seq } = draft.append({
    type: 'payment_request',
    by: 'agent',
    request_id: requestId,
    amount_usdc: usdc(amountMicro),
    action,
    description,
    expires_at: iso(expiresAtMs),
  });
  const isAuto = session.autoPay !== null;
  const pending: PendingRequest = {
    id: requestId,
    sentAs: id,
    paymentId,
    seq,
    amountMicro,
    action,
    description,
    requestedAtMs: nowMs,
    expiresAtMs,
    shownFromMs: Math.max(nowMs, session.requestEndedAtMs + SILENCE_MS),
    stage: isAuto ? 'auto' : 'asked',
    dueMs: isAuto ? nowMs + BOOKING_MS : expiresAtMs,
  };
  draft.set({ pending });
  if (!isAuto) draft.events.push({ type: 'asked', request: pending });
  if (key) draft.remember(key, { seq, digest, request: { id: requestId, expiresAtMs, status: 'pending' } });
  return done(draft);
}

/** Takes the user's answer: what the log has first counts. */
export function answer(draft: SessionDraft, { requestId, approved }: AnswerRequest, nowMs: number): SessionDecision {
  const { pending } = draft.session;
  if (pending?.id !== requestId || pending.stage !== 'asked') return refuse('no_pending_request');
  if (nowMs >= pending.expiresAtMs) return refuse('no_pending_request');
  draft.append({ type: 'payment_response', by: 'user', request_id: requestId, approved });
  if (approved) draft.set({ pending: { ...pending, stage: 'approved', dueMs: nowMs + BOOKING_MS } });
  else endRequest(draft, pending, 'declined', nowMs);
  return done(draft);
}

/** Asks the user, as auto-pay may not pay this. */
export function askUser(draft: SessionDraft, { requestId }: OfRequest, nowMs: number): SessionDecision {
  const { pending, closeAfter } = draft.session;
  if (pending?.id !== requestId || pending.stage !== 'auto') return done(draft);
  const asked: PendingRequest = { ...pending, stage: 'asked', dueMs: pending.expiresAtMs };
  draft.set({ pending: asked });
  if (!closeAfter) {
    draft.events.push({ type: 'asked', request: asked });
    return done(draft);
  }
  draft.set({ closeAfter: null });
  close(draft, closeAfter, nowMs);
  return done(draft);
}

/** Records that a payment is booked on both sides. */
export function settlePayment(draft: SessionDraft, { requestId }: OfRequest, nowMs: number): SessionDecision {
  const { pending } = draft.session;
  if (pending?.id !== requestId || pending.stage === 'asked') return done(draft);
  if (pending.stage === 'auto') {
    draft.append({ type: 'payment_response', by: 'auto_pay', request_id: requestId, approved: true });
  }
  draft.append({
    type: 'payment_settled',
    by: 'server',
    request_id: requestId,
    payment_id: pending.paymentId,
    amount_usdc: usdc(pending.amountMicro),
  });
  return outcome(draft, pending, 'approved', nowMs);
}

/** Records that an approved payment was not booked: the credits did not suffice. */
export function failPayment(draft: SessionDraft, { requestId }: OfRequest, nowMs: number): SessionDecision {
  const { pending } = draft.session;
  if (pending?.id !== requestId || pending.stage !== 'approved') return done(draft);
  draft.append({ type: 'payment_failed', by: 'server', request_id: requestId, reason: 'insufficient_credits' });
  return outcome(draft, pending, 'insufficient_credits', nowMs);
}

function outcome(draft: SessionDraft, pending: PendingRequest, status: RequestStatus, nowMs: number): SessionDecision {
  endRequest(draft, pending, status, nowMs);
  const { closeAfter } = draft.session;
  if (closeAfter) {
    draft.set({ closeAfter: null });
    close(draft, closeAfter, nowMs);
  }
  return done(draft);
}
