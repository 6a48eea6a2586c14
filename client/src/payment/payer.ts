import { type Abortable, aborted, sleep, waitFor } from '../abort.ts';
import { canonical, micro } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, evidenceMismatch, ignore, isReason } from '../error.ts';
import { newId } from '../ids.ts';
import { InTurn } from '../in_turn.ts';
import { read, write } from '../keep.ts';
import type { VerifiedTopic } from '../verified_topic.ts';
import type { ChannelState, Closing, HistoryItem, Proposed, Transfer } from '../wire.ts';
import type { Ledger } from './ledger.ts';
import { isOver, type KeptPayment, notPaid } from './payment.ts';
import { nextState, sameTransfer } from './states.ts';

export interface PayOptions extends Abortable {
  /** The same id again is the same payment. */
  readonly id?: string;
}

/** A payment that was executed. */
export interface Paid extends Transfer {
  readonly id: string;
}

/** What a payer needs of its channel. */
export interface Payable {
  readonly connection: Connection;
  readonly ledger: Ledger;
  readonly topic: Pick<VerifiedTopic<unknown, Closing>, 'call' | 'demandSound'>;
  /** As the server has said last. */
  readonly state: ChannelState;
  /** The present state, and the newest one after each change. @throws AerieError where nothing is signed any more */
  states(): AsyncIterable<ChannelState>;
  /** Asks the server how the channel stands. */
  refresh(): Promise<void>;
  /** Returns the history's item of a nonce; nothing while it is open. */
  outcome(nonce: number): Promise<HistoryItem | undefined>;
}

/** With what a proposal is rejected whose nonce this side has signed for another state. */
export const NONCE_TAKEN = 'nonce_taken';
/** Milliseconds that an aborted payment has to be withdrawn. */
const WITHDRAWAL_MS = 5_000;
/** Milliseconds, in the mean, before the next try of two sides that pay each other at once. */
const COLLISION_MS = 50;

/** Pays on a channel: one payment after the other, each once (CLIENT.md, section 11.2, 4). */
export class Payer {
  readonly #channel: Payable;
  readonly #turn = new InTurn();
  readonly #running = new Map<string, Promise<Paid>>();
  /** Ids of payments whose wait was aborted. */
  readonly #withdrawn = new Set<string>();

  constructor(channel: Payable) {
    this.#channel = channel;
  }

  /** Goes on with what a process before this one has begun. */
  async resume(): Promise<void> {
    const last = await this.#lastSigned();
    if (last?.transfer && !last.isPaid) this.#run(last.id, last.amount);
  }

  /** Resolves when nothing is being paid. */
  idle(): Promise<void> {
    return this.#turn.run(async () => {});
  }

  async pay(amount: string, { id = newId(), signal }: PayOptions): Promise<Paid> {
    const exact = canonical(amount);
    if (micro(exact) === 0n) throw new RangeError('Cannot pay nothing.');
    const kept = await this.#read(id);
    if (kept && kept.amount !== exact) throw new AerieError('conflict', { details: { id, amount: kept.amount } });
    if (signal?.aborted) throw aborted(signal, 'none');
    const paid = this.#run(id, exact);
    return waitFor(paid, signal).catch((error) => {
      if (!signal?.aborted || this.#channel.connection.closed.aborted) throw error;
      return this.#withdraw(id, paid, signal);
    });
  }

  #run(id: string, amount: string): Promise<Paid> {
    const running = this.#running.get(id);
    if (running) return running;
    const { connection, ledger } = this.#channel;
    const paid = this.#turn.run(() =>
      connection.keep.lock(`pay:${ledger.terms.id}`, async () =>
        this.#settle((await this.#read(id)) ?? { id, amount }),
      ),
    );
    this.#running.set(id, paid);
    const done = () => {
      this.#running.delete(id);
      this.#withdrawn.delete(id);
    };
    paid.then(done, done);
    return paid;
  }

  /** Waits for what becomes of a payment that was given up. @throws AerieError with `none` if it is burned, else `unknown` */
  #withdraw(id: string, paid: Promise<Paid>, signal: AbortSignal): Promise<Paid> {
    this.#withdrawn.add(id);
    this.#channel.refresh().catch(() => {});
    return waitFor(paid, AbortSignal.timeout(WITHDRAWAL_MS)).catch((error) => {
      if (!isReason(error, 'withdrawn', 'aborted')) throw error;
      throw aborted(signal, error.reason === 'withdrawn' ? 'none' : 'unknown');
    });
  }

  async #settle(asked: KeptPayment): Promise<Paid> {
    const { connection, ledger } = this.#channel;
    const { id } = asked;
    let payment = asked;
    let isResumed = payment.transfer !== undefined;
    if (payment.isPaid && payment.transfer) return { id, ...payment.transfer };
    for (let tries = 0; ; tries++) {
      if (tries > 0) await sleep(Math.random() * 2 * COLLISION_MS * Math.min(tries, 10), connection.closed);
      const transfer = payment.transfer ?? (await this.#next(payment));
      // Kept before it is signed, so that no signature is without its payment.
      if (!payment.transfer) payment = await this.#keep({ ...payment, transfer });
      const known = isResumed ? await this.#channel.outcome(transfer.nonce) : undefined;
      const became = known ?? (await this.#propose(payment, transfer, isResumed));
      isResumed = false;
      if (became && !('burned' in became) && sameTransfer(became, transfer)) {
        await this.#keep({ ...payment, isPaid: true });
        // The history may say so before the push does, and whoever has paid looks at the balance.
        if (ledger.nonce < transfer.nonce) await this.#channel.refresh();
        return { id, ...transfer };
      }
      const burned = became && 'burned' in became ? became : undefined;
      const isMine = burned && (burned.by === connection.id || burned.reason === NONCE_TAKEN);
      if (burned && (isOver(burned) || !isMine || this.#isWithdrawn(payment))) {
        await this.#forget(id);
        throw this.#isWithdrawn(payment) ? new AerieError('withdrawn') : notPaid(burned);
      }
      // Another process of this agent, or the other side, had this nonce: with the next one.
      payment = await this.#keep({ ...payment, transfer: undefined });
    }
  }

  /** Waits until it is this side's turn. @returns the state to sign */
  async #next(payment: KeptPayment): Promise<Transfer> {
    const { connection, ledger } = this.#channel;
    for await (const state of this.#channel.states()) {
      if (this.#isWithdrawn(payment)) {
        await this.#forget(payment.id);
        throw new AerieError('withdrawn');
      }
      const signed = (await ledger.record.read())?.signed?.nonce ?? 0;
      const { status, pending, next_nonce: nonce } = state;
      if (state !== this.#channel.state) continue;
      if (status !== 'open') throw new AerieError(status === 'proposed' ? 'channel_not_open' : `channel_${status}`);
      if (pending) continue;
      if (nonce <= signed || nonce <= ledger.nonce) await this.#settleBefore(payment, signed);
      else {
        const next = nextState(ledger.terms, ledger.newest, { nonce, from: connection.id, amount: payment.amount });
        if (!next) throw new AerieError('insufficient_balance');
        return next;
      }
    }
    throw new AerieError('closed');
  }

  /**
   * The server says that a nonce is free which this side has signed: the payment for it goes first.
   *
   * @throws AerieError `evidence_mismatch` where there is none
   */
  async #settleBefore({ id }: KeptPayment, nonce: number): Promise<void> {
    // What another process of this agent did may be told a moment later.
    await this.#channel.refresh();
    if (this.#channel.state.next_nonce > nonce) return;
    const before = await this.#lastSigned();
    if (before?.transfer?.nonce !== nonce || before.id === id) {
      throw evidenceMismatch({ signed: nonce, said: this.#channel.state });
    }
    await this.#settle(before);
  }

  /** Sends it until it is known what became of its nonce. @returns nothing if another transfer has it */
  async #propose(payment: KeptPayment, transfer: Transfer, isResumed: boolean): Promise<HistoryItem | undefined> {
    const { connection, ledger, topic } = this.#channel;
    const { amount, nonce } = transfer;
    topic.demandSound();
    const signature = await ledger.record.signState(transfer, payment.id).catch(ignore(NONCE_TAKEN));
    if (!signature) return undefined;
    let sent = 0;
    const onSent = () => void sent++;
    for (;;) {
      const payload = { amount, nonce, signature };
      const answer = await topic
        .call<{ pending: Proposed; duplicate?: boolean }>('propose_transfer', payload, { onSent })
        .catch((error) => this.#refused(error, payment, nonce));
      // The very same state was there before this process ever sent it: as the payment of another process of this agent.
      const isOthers = answer?.duplicate === true && sent === 1 && !isResumed;
      for await (const state of this.#channel.states()) {
        const became = await this.#channel.outcome(nonce);
        if (became) return isOthers ? undefined : became;
        const { pending } = this.#channel.state;
        if (pending?.nonce === nonce) {
          if (this.#isWithdrawn(payment) && pending.from === connection.id && !isOthers) {
            await this.#takeBack(payment, nonce);
          }
        } else if (state === this.#channel.state) {
          await this.#channel.refresh();
          if (state.next_nonce <= nonce && this.#channel.state.next_nonce <= nonce) break;
        }
      }
    }
  }

  async #takeBack(payment: KeptPayment, nonce: number): Promise<void> {
    if (!payment.isWithdrawn) await this.#keep({ ...payment, isWithdrawn: true });
    // Where it has ended meanwhile, the history says how.
    const ended = ignore('no_pending_transfer', 'channel_closed', 'channel_disputed');
    await this.#channel.topic.call('reject_transfer', { reason: 'withdrawn', nonce }).catch(ended);
    await this.#channel.refresh();
  }

  async #refused(error: unknown, { id }: KeptPayment, nonce: number): Promise<undefined> {
    const isTaken = isReason(error, 'transfer_pending', 'invalid_nonce');
    if (!isTaken && !isReason(error, 'channel_closed', 'channel_disputed')) throw error;
    await this.#channel.refresh();
    if (isTaken || (await this.#channel.outcome(nonce))) return;
    if (isReason(error, 'channel_closed')) await this.#forget(id);
    throw error;
  }

  /** The payment that a state was signed for last. */
  async #lastSigned(): Promise<KeptPayment | undefined> {
    const id = (await this.#channel.ledger.record.read())?.signed?.payment;
    return id === undefined ? undefined : this.#read(id);
  }

  #key(id: string): string {
    return `pay:${this.#channel.ledger.terms.id}:${id}`;
  }

  #read(id: string): Promise<KeptPayment | undefined> {
    return read(this.#channel.connection.keep, this.#key(id));
  }

  async #keep(payment: KeptPayment): Promise<KeptPayment> {
    await write(this.#channel.connection.keep, this.#key(payment.id), payment);
    return payment;
  }

  #forget(id: string): Promise<void> {
    return this.#channel.connection.keep.delete(this.#key(id));
  }

  #isWithdrawn({ id, isWithdrawn }: KeptPayment): boolean {
    return isWithdrawn === true || this.#withdrawn.has(id);
  }
}
