import type { Connection } from '../connection.ts';
import { AerieError, evidenceMismatch } from '../error.ts';
import type { Purpose, SignedFields } from '../signed_text.ts';
import type { ChannelState, Closing, CoSigned, HistoryItem, Proposed, ProposedClose } from '../wire.ts';
import { ChannelRecord, sound } from './record.ts';
import {
  type Balances,
  balancesOf,
  coSignedOf,
  type Finals,
  finalsOf,
  isKept,
  nextState,
  openFields,
  type Side,
  sameBalances,
  sameTerms,
  sameTransfer,
  stateFields,
  type Terms,
  termsOf,
  transferOf,
} from './states.ts';

/** What this side knows of a payment channel by signatures, and verifies of what the server says (CLIENT.md, section 11.2). */
export class Ledger {
  readonly record: ChannelRecord;
  readonly #connection: Connection;
  terms: Terms;
  /** The newest state that both have signed. */
  newest: CoSigned | null = null;

  constructor(connection: Connection, said: Terms) {
    this.#connection = connection;
    this.terms = termsOf(said);
    this.record = new ChannelRecord(connection, said.id);
  }

  get mine(): Side {
    return this.terms.agent_a === this.#connection.id ? 'a' : 'b';
  }

  get theirs(): Side {
    return this.mine === 'a' ? 'b' : 'a';
  }

  get peer(): string {
    return this.terms[`agent_${this.theirs}`];
  }

  /** That of the newest state; 0 before the first one. */
  get nonce(): number {
    return this.newest?.nonce ?? 0;
  }

  get balances(): Balances {
    return balancesOf(this.terms, this.newest);
  }

  /** Takes up what is kept. @throws AerieError `evidence_mismatch` where the channel was stopped */
  async load(): Promise<void> {
    const kept = sound(await this.record.begin(this.terms));
    this.terms = kept.terms;
    this.newest = kept.newest;
  }

  /**
   * Takes over what the server says of the channel.
   *
   * @param known nonce of the newest state that this side knew when the server was asked
   * @throws AerieError `evidence_mismatch` where that is not what was signed, or older than what this side knew; `unsupported`
   */
  async refresh(said: ChannelState, known: number): Promise<void> {
    if (!('proposed_close' in said)) throw new AerieError('unsupported');
    await this.load();
    if (!sameTerms(this.terms, said) || !isKept(this.terms, said)) throw evidenceMismatch(said);
    await this.verifyOpening(said);
    const nonce = said.last_state?.nonce ?? 0;
    if (nonce < known) throw evidenceMismatch(said);
    if (said.last_state) await this.adopt(said.last_state);
    const isNewest = said.status === 'open' && said.nonce === nonce;
    if (isNewest && !sameBalances(this.terms, said, said.last_state)) throw evidenceMismatch(said);
  }

  /** Takes over a state that both have signed. @throws AerieError `evidence_mismatch` */
  async adopt(state: CoSigned): Promise<void> {
    await this.verify(state);
    const newest = this.newest;
    if (newest?.nonce === state.nonce && !sameTransfer(newest, state)) throw evidenceMismatch({ newest, said: state });
    this.newest = await this.record.adopt(coSignedOf(state));
  }

  /** @throws AerieError `evidence_mismatch` unless both have signed it, and it keeps the sum */
  async verify(state: CoSigned): Promise<void> {
    const { id, agent_a: a, agent_b: b } = this.terms;
    const isBetween = (state.from === a && state.to === b) || (state.from === b && state.to === a);
    const isSigned = await this.#isSigned(state, 'payment.state', stateFields(id, state));
    if (!isBetween || !isKept(this.terms, state) || !isSigned) throw evidenceMismatch(state);
  }

  /**
   * What was proposed, computed by this side.
   *
   * @returns nothing where it is over already
   * @throws AerieError `evidence_mismatch` unless whoever it is from has signed just that
   */
  async verifyProposed(said: Proposed): Promise<Proposed | undefined> {
    const { nonce, from, amount, signature } = said;
    const isFromParty = from === this.terms.agent_a || from === this.terms.agent_b;
    const isSound = isFromParty && Number.isSafeInteger(nonce);
    const isOver = nonce <= this.nonce;
    const next = isSound && !isOver ? nextState(this.terms, this.newest, { nonce, from, amount }) : said;
    if (!isSound || !next || !sameTransfer(next, said)) throw evidenceMismatch(said);
    const fields = stateFields(this.terms.id, next);
    if (!(await this.#connection.isSigned(from, signature, 'payment.state', ...fields))) throw evidenceMismatch(said);
    return isOver ? undefined : { ...transferOf(next), signature };
  }

  /** @throws AerieError `evidence_mismatch` unless who is said to have proposed it has signed it, and it keeps the sum */
  async verifyClose(said: ProposedClose): Promise<void> {
    const { by, signature } = said;
    const isSigned = await this.#connection.isSigned(by, signature, 'payment.close', ...this.#closeFields(said));
    if (!isSigned || !isKept(this.terms, finalsOf(said))) throw evidenceMismatch(said);
  }

  /** @throws AerieError `evidence_mismatch` where a channel ended otherwise than both have signed */
  async verifyEnd(said: Closing): Promise<void> {
    const isSound =
      said.reason === 'cooperative'
        ? await this.#isSigned(said, 'payment.close', this.#closeFields(said))
        : sameBalances(this.terms, finalsOf(said), this.newest);
    if (!isSound || !isKept(this.terms, finalsOf(said))) throw evidenceMismatch(said);
  }

  /** @throws AerieError `evidence_mismatch` unless these are the items behind a nonce, and what was executed is signed by both */
  async verifyHistory(items: readonly HistoryItem[], after: number): Promise<void> {
    let last = after;
    for (const item of items) {
      if (item.nonce !== ++last) throw evidenceMismatch(item);
      if (!('burned' in item)) await this.verify(item);
    }
  }

  /** @throws AerieError `evidence_mismatch` unless this agent is one of two sides, and each opening signature there is rightly made */
  async verifyOpening(said: ChannelState): Promise<void> {
    const { agent_a: a, agent_b: b } = this.terms;
    if (a === b || this.terms[`agent_${this.mine}`] !== this.#connection.id) throw evidenceMismatch(said);
    for (const side of ['a', 'b'] as const) {
      const signature = said[`open_signature_${side}`];
      // The operator opens channels without.
      if (!signature) continue;
      const agent = this.terms[`agent_${side}`];
      const isSigned = await this.#connection.isSigned(agent, signature, 'payment.open', ...openFields(this.terms));
      if (!isSigned) throw evidenceMismatch(said);
    }
  }

  #closeFields({ nonce, final_balance_a: a, final_balance_b: b }: Finals & { readonly nonce: number }) {
    return [this.terms.id, nonce, a, b] as SignedFields['payment.close'];
  }

  /** True if both have signed it. */
  async #isSigned<P extends Purpose>(
    { signature_a: a = '', signature_b: b = '' }: Partial<Pick<CoSigned, 'signature_a' | 'signature_b'>>,
    purpose: P,
    fields: SignedFields[P],
  ): Promise<boolean> {
    const { agent_a, agent_b } = this.terms;
    return (
      (await this.#connection.isSigned(agent_a, a, purpose, ...fields)) &&
      (await this.#connection.isSigned(agent_b, b, purpose, ...fields))
    );
  }
}
