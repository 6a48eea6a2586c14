import type { Connection } from '../connection.ts';
import { AerieError } from '../error.ts';
import type { ChannelState, Closing, CoSigned, HistoryItem, Proposed, ProposedClose } from '../wire.ts';
import { ChannelRecord } from './record.ts';
import {
  asState,
  type Balances,
  balancesOf,
  isAmount,
  isKept,
  nextState,
  openFields,
  type Side,
  sameTerms,
  sameTransfer,
  stateFields,
  type Terms,
  termsOf,
  transferOf,
} from './states.ts';

const lie = (said: unknown) => new AerieError('evidence_mismatch', { details: said });

/** What this side knows of a payment channel by signatures, and verifies of what the server says (CLIENT.md, section 11.2). */
export class Ledger {
  readonly record: ChannelRecord;
  readonly #connection: Connection;
  #terms: Terms;
  #newest: CoSigned | null = null;

  constructor(connection: Connection, said: Terms) {
    this.#connection = connection;
    this.#terms = termsOf(said);
    this.record = new ChannelRecord(connection, said.id);
  }

  get terms(): Terms {
    return this.#terms;
  }

  /** The newest state that both have signed. */
  get newest(): CoSigned | null {
    return this.#newest;
  }

  get mine(): Side {
    return this.#terms.agent_a === this.#connection.id ? 'a' : 'b';
  }

  get peer(): string {
    return this.mine === 'a' ? this.#terms.agent_b : this.#terms.agent_a;
  }

  get balances(): Balances {
    return balancesOf(this.#terms, this.#newest);
  }

  /** Takes up what is kept. @throws AerieError `evidence_mismatch` where the channel was stopped */
  async load(): Promise<void> {
    const kept = await this.record.begin(this.#terms);
    this.#terms = kept.terms;
    this.#newest = kept.newest;
    if (kept.mismatch !== undefined) throw lie(kept.mismatch);
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
    const { agent_a: a, agent_b: b } = this.#terms;
    const isParty = a !== b && (a === this.#connection.id || b === this.#connection.id);
    if (!sameTerms(this.#terms, said) || !isParty || !isKept(this.#terms, said)) throw lie(said);
    await this.#checkOpening(said);
    const nonce = said.last_state?.nonce ?? 0;
    if (nonce < known) throw lie(said);
    if (said.last_state) await this.adopt(said.last_state);
    const isNewest = said.status === 'open' && said.nonce === nonce;
    const [shown, signed] = [said, said.last_state].map((of) => balancesOf(this.#terms, of && asState(of)));
    if (isNewest && (shown?.a !== signed?.a || shown?.b !== signed?.b)) throw lie(said);
  }

  /** Takes over a state that both have signed. @throws AerieError `evidence_mismatch` */
  async adopt(state: CoSigned): Promise<void> {
    await this.verify(state);
    const newest = this.#newest;
    if (newest?.nonce === state.nonce && !sameTransfer(newest, state)) throw lie({ newest, said: state });
    const { signature_a, signature_b } = state;
    this.#newest = await this.record.adopt({ ...transferOf(state), signature_a, signature_b });
  }

  /** @throws AerieError `evidence_mismatch` unless both have signed it, and it keeps the sum */
  async verify(state: CoSigned): Promise<void> {
    const { id, agent_a: a, agent_b: b } = this.#terms;
    const isBetween = (state.from === a && state.to === b) || (state.from === b && state.to === a);
    const fields = stateFields(id, state);
    const areSigned =
      (await this.#connection.isSigned(a, state.signature_a, 'payment.state', ...fields)) &&
      (await this.#connection.isSigned(b, state.signature_b, 'payment.state', ...fields));
    if (!isBetween || !isKept(this.#terms, state) || !areSigned) throw lie(state);
  }

  /**
   * What was proposed, computed by this side.
   *
   * @returns nothing where it is over already
   * @throws AerieError `evidence_mismatch` unless whoever it is from has signed just that
   */
  async verifyProposed(said: Proposed): Promise<Proposed | undefined> {
    const { nonce, from, amount, signature } = said;
    const isFromParty = from === this.#terms.agent_a || from === this.#terms.agent_b;
    const isSound = isFromParty && Number.isSafeInteger(nonce) && isAmount(amount);
    const isOver = nonce <= (this.#newest?.nonce ?? 0);
    const next = isSound && !isOver ? nextState(this.#terms, this.#newest, { nonce, from, amount }) : said;
    if (!isSound || !next || !sameTransfer(next, said)) throw lie(said);
    const fields = stateFields(this.#terms.id, next);
    if (!(await this.#connection.isSigned(from, signature, 'payment.state', ...fields))) throw lie(said);
    return isOver ? undefined : { ...transferOf(next), signature };
  }

  /** @throws AerieError `evidence_mismatch` unless who is said to have proposed it has signed it, and it keeps the sum */
  async verifyClose(said: ProposedClose): Promise<void> {
    const { by, nonce, final_balance_a: a, final_balance_b: b, signature } = said;
    const fields = [this.#terms.id, nonce, a, b] as const;
    const isSigned = await this.#connection.isSigned(by, signature, 'payment.close', ...fields);
    if (!isSigned || !isKept(this.#terms, asState({ balance_a: a, balance_b: b }))) throw lie(said);
  }

  /** @throws AerieError `evidence_mismatch` where a channel ended otherwise than both have signed */
  async verifyEnd({ reason, final_balance_a: a, final_balance_b: b, ...end }: Closing): Promise<void> {
    const { id, agent_a, agent_b } = this.#terms;
    const said = { reason, final_balance_a: a, final_balance_b: b, ...end };
    const finals = asState({ balance_a: a, balance_b: b });
    if (!isKept(this.#terms, finals)) throw lie(said);
    if (reason === 'cooperative') {
      const fields = [id, end.nonce, a, b] as const;
      const areSigned =
        (await this.#connection.isSigned(agent_a, end.signature_a ?? '', 'payment.close', ...fields)) &&
        (await this.#connection.isSigned(agent_b, end.signature_b ?? '', 'payment.close', ...fields));
      if (!areSigned) throw lie(said);
    } else {
      const [ended, known] = [balancesOf(this.#terms, finals), this.balances];
      if (ended.a !== known.a || ended.b !== known.b) throw lie(said);
    }
  }

  /** The items behind a nonce, page by page; what was executed is verified. */
  async *history(after: number): AsyncGenerator<HistoryItem> {
    const path = `/api/payment_channels/${this.#terms.id}/history?limit=100`;
    for (let last = after; ; ) {
      const { items } = await this.#connection.http.call<{ items: HistoryItem[] }>('GET', `${path}&after=${last}`);
      for (const item of items) {
        if (item.nonce !== last + 1) throw lie(item);
        if (!('burned' in item)) await this.verify(item);
        last = item.nonce;
        yield item;
      }
      if (items.length < 100) return;
    }
  }

  /** What became of a nonce. @returns nothing while it is open */
  async outcome(nonce: number): Promise<HistoryItem | undefined> {
    for await (const item of this.history(nonce - 1)) return item;
    return undefined;
  }

  async #checkOpening(said: ChannelState): Promise<void> {
    const { agent_a, agent_b } = this.#terms;
    const fields = openFields(this.#terms);
    for (const [agent, signature] of [
      [agent_a, said.open_signature_a],
      [agent_b, said.open_signature_b],
    ] as const) {
      // The operator opens channels without.
      if (signature && !(await this.#connection.isSigned(agent, signature, 'payment.open', ...fields))) throw lie(said);
    }
  }
}
