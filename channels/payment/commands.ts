import type { Verdict } from '../kernel/signatures.ts';
import type { NoticeRef } from '../messages/notifications.ts';
import type {
  Balances,
  Burned,
  Closing,
  CoSigned,
  Dispute,
  Executed,
  Past,
  Pending,
  ProposedClose,
  Side,
  Terms,
} from './state.ts';

export type Command =
  | Open
  | Propose
  | Acknowledge
  | Reject
  | OpenDispute
  | ProposeClose
  | Close
  | { readonly type: 'settle' }
  | { readonly type: 'notices_settled' };

/** Commands that were prepared for a stored state: a verdict is about lines that it asks for, history is as of it. */
export type SignedCommand = Propose | Acknowledge | Reject | OpenDispute | ProposeClose | Close;

export interface Open {
  readonly type: 'open';
  readonly terms: Terms;
  readonly notices: readonly NoticeRef[];
  /** Time at which that was decided; left out: now. */
  readonly openedAtMs?: number;
}

interface AboutTransfer {
  readonly by: Side;
  readonly nonce: number;
  /** The history entry of the nonce, as read before. */
  readonly past: Past | undefined;
}

export interface Propose extends AboutTransfer {
  readonly type: 'propose_transfer';
  readonly amountMicro: bigint;
  /** Canonical base64. */
  readonly signature: string;
  readonly verdict: Verdict | undefined;
}

export interface Acknowledge extends Omit<Propose, 'type'> {
  readonly type: 'acknowledge_transfer';
}

export interface Reject extends Omit<AboutTransfer, 'nonce'> {
  readonly type: 'reject_transfer';
  /** Left out: the pending one, or the latest. */
  readonly nonce: number | undefined;
  readonly reason: string;
}

export interface OpenDispute {
  readonly type: 'dispute';
  readonly by: Side;
  readonly reason: string;
  readonly evidenceJson: string;
  /** By which it is recognised when it comes again. */
  readonly digest: string;
  /** The state that the evidence holds. */
  readonly shown: Shown | undefined;
}

export interface Shown {
  /** `undefined`: it has not the form of one, or names other agents. */
  readonly state: CoSigned | undefined;
  /** True if both have signed it; nothing that can change is in the text. */
  readonly isSigned: boolean;
  /** The history entry of its nonce, as read before. */
  readonly past: Past | undefined;
}

export interface ProposeClose {
  readonly type: 'propose_close';
  readonly by: Side;
  readonly final: Balances;
  readonly nonce: number;
  /** Canonical base64. */
  readonly signature: string;
  readonly verdict: Verdict | undefined;
  /** By which it is recognised when it comes again. */
  readonly digest: string;
}

export interface Close {
  readonly type: 'close';
  readonly by: Side;
  readonly final: Balances;
  readonly signatureA: string;
  readonly signatureB: string;
  readonly verdictA: Verdict | undefined;
  readonly verdictB: Verdict | undefined;
}

export type Event =
  | { readonly type: 'opened'; readonly terms: Terms }
  | { readonly type: 'transfer_proposed'; readonly transfer: Pending }
  | { readonly type: 'transfer_executed'; readonly transfer: Executed }
  | { readonly type: 'transfer_burned'; readonly burned: Burned; readonly transfer: Pending }
  | { readonly type: 'dispute_opened'; readonly dispute: Dispute; readonly nonce: number }
  | { readonly type: 'newer_state_shown'; readonly by: Side; readonly dispute: Dispute; readonly nonce: number }
  | { readonly type: 'close_proposed'; readonly proposed: ProposedClose }
  /** A dispute that changes nothing. */
  | { readonly type: 'evidence_noted'; readonly by: Side }
  /** `movedToAMicro`: what A gets beyond the last executed state, negative if B does. */
  | { readonly type: 'closed'; readonly closing: Closing; readonly movedToAMicro: bigint };
