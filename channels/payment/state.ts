import { signedLines } from '../../crypto/signed_text.ts';
import { usdc } from '../kernel/money.ts';
import type { NoticeRef } from '../messages/notifications.ts';

export type Side = 'a' | 'b';

export const otherSide = (side: Side): Side => (side === 'a' ? 'b' : 'a');

export interface Balances {
  readonly aMicro: bigint;
  readonly bMicro: bigint;
}

export const sumMicro = ({ aMicro, bMicro }: Balances) => aMicro + bMicro;
export const balanceMicro = ({ aMicro, bMicro }: Balances, side: Side) => (side === 'a' ? aMicro : bMicro);

/** Terms of a payment channel, fixed when it is opened. */
export interface Terms {
  readonly id: string;
  readonly agentA: string;
  readonly agentB: string;
  /** As registered: base64 of 32 bytes. */
  readonly publicKeyA: string;
  readonly publicKeyB: string;
  readonly deposits: Balances;
  readonly challengePeriodMs: number;
  /** Canonical base64, over `payment.open`; `null` where the admin opened it without. */
  readonly signatureA: string | null;
  readonly signatureB: string | null;
  /** The side that opened it; `null`: the admin. */
  readonly creator: Side | null;
  /** Digest of the request, by which a repeat is recognised. */
  readonly registration: string;
  /** Time at which its creator proposed it; absent where it was opened at once. */
  readonly proposedAtMs?: number;
}

export interface PaymentChannel extends Terms {
  readonly openedAtMs: number;
  /** By which the two agents were told. */
  readonly notices?: readonly NoticeRef[];
  /** By when somebody has to acknowledge the notices, once it is closed; `null` before and afterwards. */
  readonly noticesDueMs: number | null;
  /** By the transfers executed here; when it is closed, what each side is left with. */
  readonly balances: Balances;
  /** The last executed one, 0 before. */
  readonly nonce: number;
  /** One above the highest ever proposed. History holds every one below, but the pending one. */
  readonly nextNonce: number;
  readonly pending: Pending | null;
  /** The newest state known that both have signed. */
  readonly lastState: CoSigned | null;
  readonly dispute: Dispute | null;
  readonly closing: Closing | null;
  /** The newest final balances that one side has signed; absent or `null`: none that still count. */
  readonly proposedClose?: ProposedClose | null;
  /** By which proposed closes are recognised when they come again, the newest last. */
  readonly closeDigests?: readonly string[];
}

/** A payment channel as it is opened. */
export function newChannel(
  terms: Terms,
  { openedAtMs, notices }: { readonly openedAtMs: number; readonly notices: readonly NoticeRef[] },
): PaymentChannel {
  return {
    ...terms,
    openedAtMs,
    notices,
    noticesDueMs: null,
    balances: terms.deposits,
    nonce: 0,
    nextNonce: 1,
    pending: null,
    lastState: null,
    dispute: null,
    closing: null,
  };
}

/** A transfer and the balances that it leaves. */
export interface Transfer {
  readonly nonce: number;
  readonly from: Side;
  readonly amountMicro: bigint;
  readonly balances: Balances;
}

export interface Pending extends Transfer {
  /** Of the sender, canonical base64. */
  readonly signature: string;
}

export interface CoSigned extends Transfer {
  readonly signatureA: string;
  readonly signatureB: string;
}

export interface Executed extends CoSigned {
  readonly atMs: number;
}

/** A nonce that will never pay. */
export interface Burned {
  readonly nonce: number;
  readonly burned: true;
  readonly by: Side;
  readonly cause: 'rejected' | 'dispute' | 'close';
  readonly reason: string;
  readonly atMs: number;
}

/** The history entry of a nonce; it never changes. */
export type Past = Executed | Burned;

export interface Dispute {
  readonly openedBy: Side;
  readonly openedAtMs: number;
  readonly endsAtMs: number;
  /** Of whoever showed the newest state, else of the opener. */
  readonly reason: string;
  /** JSON text, as it came. */
  readonly evidenceJson: string;
  /** By which what changed something is recognised when it comes again. */
  readonly digests: readonly string[];
}

/** Final balances that one side has signed: whoever saw it may close with it until the nonce moves. */
export interface ProposedClose {
  readonly by: Side;
  readonly final: Balances;
  readonly nonce: number;
  /** Canonical base64. */
  readonly signature: string;
  readonly atMs: number;
}

export interface Closing {
  readonly balances: Balances;
  readonly nonce: number;
  readonly reason: 'cooperative' | 'dispute';
  /** The side that sent the close; `null`: the challenge period was over. */
  readonly by: Side | null;
  readonly signatureA: string | null;
  readonly signatureB: string | null;
  readonly closedAtMs: number;
}

export function sideOf({ agentA, agentB }: Terms, agentId: string): Side | undefined {
  if (agentId === agentA) return 'a';
  return agentId === agentB ? 'b' : undefined;
}

export const agentOf = ({ agentA, agentB }: Terms, side: Side) => (side === 'a' ? agentA : agentB);
export const publicKeyOf = (terms: Terms, side: Side) => (side === 'a' ? terms.publicKeyA : terms.publicKeyB);
export const signatureOf = (state: CoSigned, side: Side) => (side === 'a' ? state.signatureA : state.signatureB);

export function statusOf({
  closing,
  dispute,
}: Pick<PaymentChannel, 'closing' | 'dispute'>): 'open' | 'disputed' | 'closed' {
  if (closing) return 'closed';
  return dispute ? 'disputed' : 'open';
}

/** Returns the channel at `nowMs`: closed after the challenge period, even if its end has not been handled yet. */
export function asOf(channel: PaymentChannel, nowMs: number): PaymentChannel {
  const { dispute, closing, lastState } = channel;
  if (!dispute || closing || nowMs < dispute.endsAtMs) return channel;
  const balances = lastState?.balances ?? channel.balances;
  const unsigned = { by: null, signatureA: null, signatureB: null };
  const nonce = closeNonce(channel);
  return {
    ...withoutProposedClose(channel),
    balances,
    closing: { ...unsigned, balances, nonce, reason: 'dispute', closedAtMs: dispute.endsAtMs },
  };
}

/** The next transfer from one side; `undefined` if it has not got that much. */
export function nextTransfer(channel: PaymentChannel, from: Side, amountMicro: bigint): Transfer | undefined {
  const { aMicro, bMicro } = channel.balances;
  if (amountMicro > balanceMicro(channel.balances, from)) return undefined;
  const movedMicro = from === 'a' ? amountMicro : -amountMicro;
  const balances = { aMicro: aMicro - movedMicro, bMicro: bMicro + movedMicro };
  return { nonce: channel.nextNonce, from, amountMicro, balances };
}

export const openLines = (terms: Omit<Terms, 'creator' | 'registration'>) =>
  signedLines('payment.open', {
    channel_id: terms.id,
    agent_a: terms.agentA,
    agent_b: terms.agentB,
    deposit_a: usdc(terms.deposits.aMicro),
    deposit_b: usdc(terms.deposits.bMicro),
    challenge_period_ms: terms.challengePeriodMs,
  });

/** The text that both sides sign for a transfer. */
export const stateLines = (terms: Terms, { nonce, from, amountMicro, balances }: Transfer) =>
  signedLines('payment.state', {
    channel_id: terms.id,
    nonce,
    from_agent_id: agentOf(terms, from),
    to_agent_id: agentOf(terms, otherSide(from)),
    amount: usdc(amountMicro),
    balance_a: usdc(balances.aMicro),
    balance_b: usdc(balances.bMicro),
  });

/** The nonce that a close names: that of the newest state known, so that a newer one makes the signature void. */
export const closeNonce = ({ lastState }: Pick<PaymentChannel, 'lastState'>) => lastState?.nonce ?? 0;

/** The proposed close that still counts; `null`: none. */
export function standingClose(channel: PaymentChannel): ProposedClose | null {
  const { proposedClose, closing } = channel;
  return proposedClose && !closing && proposedClose.nonce === closeNonce(channel) ? proposedClose : null;
}

/** What one side has signed for a close counts no more: the nonce has moved, or the channel is closed. */
export function withoutProposedClose(channel: PaymentChannel): PaymentChannel {
  return channel.proposedClose ? { ...channel, proposedClose: null } : channel;
}

/** The text that both sides sign to close: valid until a newer state is executed or shown. */
export const closeLines = (channel: Pick<PaymentChannel, 'id' | 'lastState'>, final: Balances) =>
  signedLines('payment.close', {
    channel_id: channel.id,
    nonce: closeNonce(channel),
    final_balance_a: usdc(final.aMicro),
    final_balance_b: usdc(final.bMicro),
  });
