import { AerieError } from '../error.ts';
import type { Burned, Transfer } from '../wire.ts';

/** A payment of this side that was asked for. */
export interface KeptPayment {
  readonly id: string;
  /** USDC, canonical. */
  readonly amount: string;
  /** The state that is signed for it; nothing before, and after another one took its nonce. */
  readonly transfer?: Transfer | undefined;
  /** Somebody has lost patience: it is to be withdrawn. */
  readonly isWithdrawn?: boolean;
  readonly isPaid?: boolean;
}

/** An end that burns all that is pending on a channel, and the reason that its payments get. */
const ENDS: Readonly<Record<string, string>> = { close: 'channel_closed', dispute: 'channel_disputed' };

/** True if there is no next nonce to pay with. */
export const isOver = ({ reason }: Burned): boolean => reason in ENDS;

/** Why a payment that was not executed is over. A state that a dispute burned may be shown in it. */
export const notPaid = (details: Burned): AerieError =>
  new AerieError(ENDS[details.reason] ?? 'transfer_rejected', {
    message: `not executed: ${details.reason}`,
    details,
    outcome: details.reason === 'dispute' ? 'unknown' : 'none',
  });
