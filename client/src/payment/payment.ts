import type { Connection } from '../connection.ts';
import { AerieError } from '../error.ts';
import { read, write } from '../keep.ts';
import type { Burned, Transfer } from '../wire.ts';

/** A payment of this side that was asked for. */
export interface KeptPayment {
  readonly id: string;
  /** USDC, canonical. */
  readonly amount: string;
  /** The state that was signed for it; nothing before, and after another one took its nonce. */
  readonly transfer?: Transfer;
  /** Somebody has lost patience: it is to be withdrawn. */
  readonly isWithdrawn?: boolean;
  readonly isPaid?: boolean;
}

/** The payments of one channel, as they are kept. */
export class KeptPayments {
  readonly #keep: Connection['keep'];
  readonly #prefix: string;

  constructor({ keep }: Pick<Connection, 'keep'>, channelId: string) {
    this.#keep = keep;
    this.#prefix = `pay:${channelId}:`;
  }

  read(id: string): Promise<KeptPayment | undefined> {
    return read(this.#keep, this.#prefix + id);
  }

  async write(payment: KeptPayment): Promise<KeptPayment> {
    await write(this.#keep, this.#prefix + payment.id, payment);
    return payment;
  }

  delete(id: string): Promise<void> {
    return this.#keep.delete(this.#prefix + id);
  }

  /** Those that were signed and are not known to be paid, lowest nonce first. */
  async unsettled(): Promise<KeptPayment[]> {
    const found: KeptPayment[] = [];
    for (const key of await this.#keep.list(this.#prefix)) {
      const payment = await read<KeptPayment>(this.#keep, key);
      if (payment?.transfer && !payment.isPaid) found.push(payment);
    }
    return found.sort((a, b) => (a.transfer?.nonce ?? 0) - (b.transfer?.nonce ?? 0));
  }
}

/** An end that burns all that is pending on a channel, and the reason that its payments get. */
const ENDS: Readonly<Record<string, string>> = { close: 'channel_closed', dispute: 'channel_disputed' };

/** True if there is no next nonce to pay with. */
export const isOver = ({ reason }: Burned): boolean => reason in ENDS;

/** Why a payment that was not executed is over. A state that a dispute burned may be shown in it. */
export const notPaid = (details: Burned): AerieError =>
  new AerieError(ENDS[details.reason] ?? 'transfer_rejected', {
    message: `The payment was not executed: ${details.reason}`,
    details,
    outcome: details.reason === 'dispute' ? 'unknown' : 'none',
  });
