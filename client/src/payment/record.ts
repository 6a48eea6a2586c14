import type { Connection } from '../connection.ts';
import { AerieError, evidenceMismatch } from '../error.ts';
import { read, write } from '../keep.ts';
import type { CoSigned, Transfer } from '../wire.ts';
import {
  balancesOf,
  finalsOf,
  openFields,
  type Side,
  sameTerms,
  sameTransfer,
  stateFields,
  type Terms,
} from './states.ts';

/** What one side has signed as the end of a channel. */
export interface SignedClose {
  readonly final_balance_a: string;
  readonly final_balance_b: string;
  readonly nonce: number;
  readonly signature: string;
}

/** What is kept of a payment channel. */
interface Kept {
  readonly terms: Terms;
  /** This side's over `payment.open`. */
  readonly opening?: string;
  /** The newest state that both have signed. */
  readonly newest: CoSigned | null;
  /** Of all texts that this side has signed, the one with the highest nonce; and the id of the payment that it was signed for. */
  readonly signed: (Transfer & { readonly signature: string; readonly payment?: string }) | null;
  readonly close?: SignedClose;
  /** What did not fit: nothing is signed any more. */
  readonly mismatch?: unknown;
}

/** What a keep has of one payment channel. Nothing leaves this agent signed before it is kept here. */
export class ChannelRecord {
  readonly #connection: Connection;
  readonly #key: string;
  readonly #id: string;

  constructor(connection: Connection, id: string) {
    this.#connection = connection;
    this.#id = id;
    this.#key = `channel:${id}`;
  }

  read(): Promise<Kept | undefined> {
    return read(this.#connection.keep, this.#key);
  }

  /** Keeps the terms that are seen first. @returns what is kept */
  begin(terms: Terms): Promise<Kept> {
    return this.#change((kept) => kept, terms);
  }

  /** Signs the terms of a channel. @throws AerieError `evidence_mismatch` where other terms are kept under its id */
  async signOpening(terms: Terms): Promise<string> {
    const opening = await this.#connection.sign('payment.open', ...openFields(terms));
    await this.#change((kept) => {
      if (!sameTerms(kept.terms, terms)) throw evidenceMismatch({ kept, terms });
      return { ...kept, opening };
    }, terms);
    return opening;
  }

  /**
   * Signs a state: each nonce once, the same state again with the same signature.
   *
   * @param payment id of this side's payment, where it is one
   * @throws AerieError `nonce_taken` where another state was signed with this nonce or a later one; `evidence_mismatch`
   */
  async signState(transfer: Transfer, payment?: string): Promise<string> {
    const signature = await this.#connection.sign('payment.state', ...stateFields(this.#id, transfer));
    await this.#change((kept) => {
      const { signed } = sound(kept);
      if (signed && sameTransfer(signed, transfer)) return kept;
      if (signed && signed.nonce >= transfer.nonce) throw new AerieError('nonce_taken');
      return { ...kept, signed: { ...transfer, signature, ...(payment && { payment }) } };
    });
    return signature;
  }

  /**
   * Signs the end of the channel: never with less for this side than the newest state gives it.
   *
   * @throws AerieError `evidence_mismatch`, `balance_mismatch`
   */
  async signClose(end: Omit<SignedClose, 'signature'>, mine: Side): Promise<SignedClose> {
    const { nonce, final_balance_a: a, final_balance_b: b } = end;
    const close = { ...end, signature: await this.#connection.sign('payment.close', this.#id, nonce, a, b) };
    await this.#change((kept) => {
      const { newest, terms } = sound(kept);
      const isLess = balancesOf(terms, finalsOf(end))[mine] < balancesOf(terms, newest)[mine];
      if (isLess || (newest?.nonce ?? 0) !== nonce) throw new AerieError('balance_mismatch');
      return { ...kept, close };
    });
    return close;
  }

  /** Keeps a state that both have signed, if it is newer. @returns the newest one */
  async adopt(state: CoSigned): Promise<CoSigned | null> {
    const isOld = ({ newest }: Kept) => newest && newest.nonce >= state.nonce;
    return (await this.#change((kept) => (isOld(kept) ? kept : { ...kept, newest: state }))).newest;
  }

  /** Keeps what does not fit, for good. */
  async stop(mismatch: unknown): Promise<void> {
    await this.#change((kept) => ({ ...kept, mismatch }));
  }

  /**
   * Others with the same keep see each change whole.
   *
   * @param terms begin it where nothing is kept yet
   * @throws AerieError `not_found` where nothing is kept, and nothing is begun
   */
  #change(change: (kept: Kept) => Kept, terms?: Terms): Promise<Kept> {
    const { keep } = this.#connection;
    return keep.lock(this.#key, async () => {
      const before = await this.read();
      const kept = before ?? (terms && { terms, newest: null, signed: null });
      if (!kept) throw new AerieError('not_found');
      const after = change(kept);
      if (after !== before) await write(keep, this.#key, after);
      return after;
    });
  }
}

/** @throws AerieError `evidence_mismatch` where the channel was stopped */
export function sound(kept: Kept): Kept {
  if (kept.mismatch !== undefined) throw evidenceMismatch(kept.mismatch);
  return kept;
}
