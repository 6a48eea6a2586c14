import { type Decision, ok } from '../kernel/aggregate.ts';
import { usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Verdict } from '../kernel/signatures.ts';
import { type Moved, moved, signatureRefusal } from '../kernel/signed_change.ts';
import { settleNotices, withNoticesDue } from '../messages/follow_up.ts';
import type { NoticeRef } from '../messages/notifications.ts';
import {
  type Acceptance,
  acceptLines,
  asOf,
  isSuperseded,
  limitMicro,
  type Negotiation,
  type Offer,
  offerLines,
  offersBy,
  type Rejection,
  type Role,
  standingOffer,
  type Terms,
} from './state.ts';

export type Command =
  | Open
  | MakeOffer
  | Accept
  | Reject
  | Link
  | { readonly type: 'expire' }
  | { readonly type: 'notices_settled' };

export interface Open {
  readonly type: 'open';
  readonly terms: Terms;
  readonly expiresInMs: number;
  readonly notices: readonly NoticeRef[];
}

export interface MakeOffer {
  readonly type: 'offer';
  readonly by: Role;
  readonly amountMicro: bigint;
  /** Canonical base64. */
  readonly signature: string;
  readonly verdict: Verdict | undefined;
}

export interface Accept extends Omit<MakeOffer, 'type'> {
  readonly type: 'accept';
}

export interface Reject {
  readonly type: 'reject';
  readonly by: Role;
  readonly reason: string;
}

/** Takes the link to the one task of an agreement. */
export interface Link {
  readonly type: 'link';
  /** `undefined`: gives up the one to `instead`. */
  readonly taskId: string | undefined;
  /** A task that is known not to be of this negotiation, though its link says so. */
  readonly instead?: string;
}

/** Commands that were prepared for a stored state: the verdict is about lines that it asks for. */
export type SignedCommand = MakeOffer | Accept;

export type Event =
  | { readonly type: 'opened'; readonly terms: Terms }
  | { readonly type: 'offer_made'; readonly offer: Offer }
  | { readonly type: 'agreed'; readonly acceptance: Acceptance }
  | { readonly type: 'rejected'; readonly rejection: Rejection }
  | { readonly type: 'linked'; readonly taskId: string | undefined }
  | { readonly type: 'expired'; readonly expiresAtMs: number };

/** Offers by each side. */
export const MAX_ROUNDS = 10;

/** A command that was taken before comes out as yes with no events: a repeat is harmless. */
export function decide(
  before: Negotiation | undefined,
  command: Command,
  nowMs: number,
): Decision<Negotiation, Event> | Moved {
  const decision = decideCourse(before, command, nowMs);
  if (!decision.ok || !before || before.status !== 'open' || decision.state.status === 'open') return decision;
  return { ...decision, state: withNoticesDue(decision.state, nowMs) };
}

function decideCourse(
  before: Negotiation | undefined,
  command: Command,
  nowMs: number,
): Decision<Negotiation, Event> | Moved {
  if (command.type === 'open') return open(before, command, nowMs);
  if (!before) return refuse('not_found');
  switch (command.type) {
    case 'notices_settled':
      return settleNotices(before);
    case 'link':
      return link(before, command, nowMs);
    case 'expire': {
      const state = asOf(before, nowMs);
      const { expiresAtMs } = state;
      return ok({ state, events: state === before ? [] : [{ type: 'expired', expiresAtMs } as const] });
    }
    case 'offer':
    case 'accept':
    case 'reject': {
      if (isRepeat(before, command)) return ok({ state: before, events: [] });
      const { status } = asOf(before, nowMs);
      if (status !== 'open') return refuse('session_closed', { status });
      if (command.type === 'offer') return offer(before, command, nowMs);
      return command.type === 'accept' ? accept(before, command, nowMs) : reject(before, command, nowMs);
    }
  }
}

function open(
  before: Negotiation | undefined,
  { terms, expiresInMs, notices }: Open,
  nowMs: number,
): Decision<Negotiation, Event> {
  if (before) {
    return before.registration === terms.registration ? ok({ state: before, events: [] }) : refuse('conflict');
  }
  const state: Negotiation = {
    ...terms,
    insertedAtMs: nowMs,
    expiresAtMs: nowMs + expiresInMs,
    notices,
    noticesDueMs: null,
    status: 'open',
    history: [],
  };
  return ok({ state, events: [{ type: 'opened', terms }] });
}

/**
 * True if this was sent before. The text of an offer has no number, so an earlier offer that comes again is a repeat,
 * no matter who sends it: it must not replace a later one.
 */
function isRepeat({ history }: Negotiation, command: MakeOffer | Accept | Reject): boolean {
  return history.some((entry) => {
    if (entry.event !== command.type || entry.by !== command.by) return false;
    if (entry.event === 'reject' || command.type === 'reject') {
      return entry.event === 'reject' && command.type === 'reject' && entry.reason === command.reason;
    }
    return entry.amountMicro === command.amountMicro && entry.signature === command.signature;
  });
}

function offer(negotiation: Negotiation, command: MakeOffer, nowMs: number): Decision<Negotiation, Event> | Moved {
  const { by, amountMicro, signature, verdict } = command;
  const limit = limitMicro(negotiation);
  if (amountMicro > limit) return refuse('offer_exceeds_limit', { limit: usdc(limit) });
  const refused = signatureRefusal(verdict, offerLines(negotiation, by, amountMicro));
  if (refused) return refused;
  if (isSuperseded(negotiation, by, amountMicro)) return ok({ state: negotiation, events: [] });
  if (offersBy(negotiation, by).length >= MAX_ROUNDS) return refuse('too_many_rounds', { limit: MAX_ROUNDS });
  const made: Offer = { event: 'offer', by, amountMicro, signature, atMs: nowMs };
  return ok({
    state: { ...negotiation, history: [...negotiation.history, made] },
    events: [{ type: 'offer_made', offer: made }],
  });
}

function accept(negotiation: Negotiation, command: Accept, nowMs: number): Decision<Negotiation, Event> | Moved {
  const { by, amountMicro, signature, verdict } = command;
  const [client, provider] = [standingOffer(negotiation, 'client'), standingOffer(negotiation, 'provider')];
  if (!client || !provider) return refuse('offers_incomplete');
  // Whoever answers a standing offer knows what average it invites.
  if (negotiation.history.at(-1)?.by === by) return refuse('own_offer_is_last');
  const expectedMicro = (client.amountMicro + provider.amountMicro) / 2n;
  if (amountMicro !== expectedMicro) return refuse('amount_mismatch', { expected: usdc(expectedMicro) });
  const lines = acceptLines(negotiation, by, amountMicro);
  const refused = lines === undefined ? moved : signatureRefusal(verdict, lines);
  if (refused) return refused;
  const acceptance: Acceptance = { event: 'accept', by, amountMicro, signature, atMs: nowMs };
  return ok({
    state: { ...negotiation, status: 'agreed', history: [...negotiation.history, acceptance] },
    events: [{ type: 'agreed', acceptance }],
  });
}

function reject(negotiation: Negotiation, { by, reason }: Reject, nowMs: number): Decision<Negotiation, Event> {
  const rejection: Rejection = { event: 'reject', by, reason, atMs: nowMs };
  return ok({
    state: { ...negotiation, status: 'rejected', history: [...negotiation.history, rejection] },
    events: [{ type: 'rejected', rejection }],
  });
}

function link(negotiation: Negotiation, { taskId, instead }: Link, nowMs: number): Decision<Negotiation, Event> {
  const { status } = asOf(negotiation, nowMs);
  if (status !== 'agreed') return notAgreed(status);
  const { taskId: linked } = negotiation;
  if (linked === taskId) return ok({ state: negotiation, events: [] });
  if (linked !== instead)
    return { ...refuse('conflict', { task_id: linked }), message: 'This agreement has its task.' };
  return ok({ state: { ...negotiation, taskId }, events: [{ type: 'linked', taskId }] });
}

/** Refuses a task of what was not agreed. */
export const notAgreed = (status: Negotiation['status']) => ({
  ...refuse('conflict', { field: 'negotiation_id', status }),
  message: 'Nothing was agreed in this negotiation.',
});
