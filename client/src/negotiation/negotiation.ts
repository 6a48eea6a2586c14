import { type Abortable, waitFor } from '../abort.ts';
import { canonical, micro, usdc } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, evidenceMismatch, isReason } from '../error.ts';
import { write } from '../keep.ts';
import type { TaskRole } from '../task/task.ts';
import { VerifiedTopic } from '../verified_topic.ts';
import type { NegotiationState, Offer } from '../wire.ts';
import { type Agreed, agreementOf, averageOf, checkOffer, type NegotiationEvidence, termsOf } from './agreement.ts';
import { isWorse, MOST_OFFERS, nextMove, planOf } from './haggle.ts';

export interface SettleOptions extends Abortable {
  /** USDC: the first offer. */
  readonly start: string;
  /** USDC: a client agrees to no more, a provider to no less. */
  readonly limit: string;
  /** USDC: how much nearer to the limit each offer invites; a quarter of the way where it is left out. */
  readonly step?: string;
}

interface Joined {
  readonly session: NegotiationState;
}

/** What else says that somebody was faster: what to do next is decided anew. */
const OVERTAKEN = ['own_offer_is_last', 'amount_mismatch', 'offers_incomplete', 'session_closed', 'too_many_rounds'];

const amountOf = (amount: string | undefined) => (amount === undefined ? undefined : micro(amount));

/** A negotiation about a price (PROTOCOL.md, section 5.3). */
export class Negotiation {
  readonly id: string;
  readonly role: TaskRole;
  readonly #connection: Connection;
  readonly #topic: VerifiedTopic<Joined, Agreed>;
  #state: NegotiationState;

  private constructor(connection: Connection, state: NegotiationState) {
    this.id = state.id;
    this.role = state.client_agent_id === connection.id ? 'client' : 'provider';
    this.#connection = connection;
    this.#state = { ...state, client_offer: null, provider_offer: null };
    const keep = (mismatch: unknown) => this.#keep('mismatch', mismatch);
    const topic = new VerifiedTopic<Joined, Agreed>(connection, `negotiation:${state.id}`, keep);
    this.#topic = topic;
    topic.onHeard<Offer>('offer', (offer) => this.#offered(offer));
    topic.onHeard('negotiation_complete', () => this.#completed());
    topic.onHeard('reject', () => this.#become({ status: 'rejected' }));
    topic.onHeard('negotiation_expired', () => this.#become({ status: 'expired' }));
    topic.onJoin(({ session }) => void topic.hear(() => this.#refresh(session)).catch(() => {}));
  }

  /** Joins it; resolves when what stands is verified. @internal */
  static async open(connection: Connection, state: NegotiationState): Promise<Negotiation> {
    const negotiation = new Negotiation(connection, state);
    await negotiation.#topic.enter();
    return negotiation;
  }

  get state(): NegotiationState {
    return this.#state;
  }

  /** What both have agreed on. Rejects with `not_agreed` (`details.status`: rejected, expired), `evidence_mismatch`, `closed`. */
  get agreed(): Promise<Agreed> {
    return this.#topic.ended.promise;
  }

  /** The other side's offers as they come, beginning with the one that stands; each is verified. Ends with the negotiation. */
  offers({ signal }: Abortable = {}): AsyncGenerator<Offer> {
    let told: string | undefined;
    const find = () => {
      this.#topic.demandSound();
      const offer = this.#theirs;
      if (!offer || offer.signature === told) return undefined;
      told = offer.signature;
      return offer;
    };
    return this.#topic.news.each(find, signal, () => this.#state.status !== 'open');
  }

  /** Offers an amount, in place of the one before. @throws AerieError: `offer_exceeds_limit`, `too_many_rounds`, `session_closed` */
  async offer(amount: string, options?: Abortable): Promise<Offer> {
    const { id } = this.#connection;
    this.#demandSigner();
    const exact = canonical(amount);
    const signature = await this.#connection.sign('negotiation.offer', ...termsOf(this.#state), id, exact);
    await this.#keep('offer', { amount: exact, signature });
    const { offer } = await this.#topic.call<{ offer: Offer }>('offer', { amount: exact, signature }, options);
    await this.#topic.hear(() => this.#offered(offer));
    return offer;
  }

  /**
   * Accepts the average of both offers, which it computes from what both have signed.
   *
   * @throws AerieError: `offers_incomplete`, `own_offer_is_last`, `session_closed`
   */
  async accept(options?: Abortable): Promise<Agreed> {
    const { id } = this.#connection;
    this.#demandSigner();
    const { client_offer: client, provider_offer: provider } = this.#state;
    if (!client || !provider) throw new AerieError('offers_incomplete');
    const amount = averageOf(client, provider);
    const fields = [...termsOf(this.#state), id, amount, client.amount, provider.amount] as const;
    const signature = await this.#connection.sign('negotiation.accept', ...fields);
    await this.#keep('accept', { amount, signature, client_offer: client, provider_offer: provider });
    await this.#topic.call('accept', { amount, signature }, options);
    await this.#topic.hear(() => this.#completed());
    return waitFor(this.agreed, options?.signal);
  }

  /** @param reason at most 1,024 characters */
  async reject(reason: string, options?: Abortable): Promise<void> {
    await this.#topic.call('reject', { reason }, options);
    this.#become({ status: 'rejected' });
  }

  /**
   * Accepts the average of both offers once it is within the limit, and makes offers that invite such a one, until both agree.
   *
   * @throws AerieError `not_agreed` where the limit was reached, the other side has rejected or time is over; `past_limit` where the other
   *         side has changed its offer in the moment in which this one made its own, and accepted both: `details` is what was agreed
   */
  async settle({ start, limit, step, signal }: SettleOptions): Promise<Agreed> {
    this.#demandSigner(true);
    const asked = { start: micro(start), limit: micro(limit), step: amountOf(step) };
    const plan = planOf(this.role, micro(this.#state.limit), asked);
    let isRefused = false;
    let left = MOST_OFFERS;
    while (this.#state.status === 'open') {
      this.#topic.demandSound();
      const before = this.#state;
      const { version } = this.#topic.news;
      const move = isRefused ? 'wait' : nextMove(plan, { ...this.#standing, left });
      isRefused = false;
      try {
        if (move === 'accept') await this.accept({ signal });
        else if (move === 'reject') await this.reject('past my limit', { signal });
        else if (move === 'wait') await this.#topic.news.since(version, signal);
        else {
          left--;
          await this.offer(usdc(move.offer), { signal });
        }
      } catch (error) {
        // Of those that a process before this one has made.
        if (isReason(error, 'too_many_rounds')) left = 0;
        if (!isReason(error, ...OVERTAKEN)) throw error;
        isRefused = this.#state === before && left > 0;
      }
    }
    const agreed = await waitFor(this.agreed, signal);
    if (isWorse(this.role, micro(agreed.amount), plan.limit)) throw new AerieError('past_limit', { details: agreed });
    return agreed;
  }

  get #theirs(): Offer | null {
    return this.#state[this.role === 'client' ? 'provider_offer' : 'client_offer'];
  }

  get #standing() {
    const [mine, theirs] = [this.#state[`${this.role}_offer`], this.#theirs];
    const isMyTurn = mine !== null && theirs !== null && theirs.offered_at >= mine.offered_at;
    return { mine: amountOf(mine?.amount), theirs: amountOf(theirs?.amount), isMyTurn };
  }

  #demandSigner(isMoney?: boolean): void {
    this.#topic.demandSound();
    this.#connection.demandSigner(isMoney);
  }

  #keep(what: string, value: unknown): Promise<void> {
    return write(this.#connection.keep, `negotiation:${this.id}:${what}`, value);
  }

  async #refresh(session: NegotiationState): Promise<void> {
    if (!('task_id' in session)) throw new AerieError('unsupported');
    this.#demandTerms(session);
    for (const offer of [session.client_offer, session.provider_offer]) {
      if (offer) await checkOffer(this.#connection, session, offer);
    }
    if (session.status === 'agreed') await this.#completed();
    else this.#become(session);
  }

  /** @throws AerieError `evidence_mismatch` where it is another negotiation */
  #demandTerms(session: NegotiationState): void {
    const [terms, said] = [termsOf(this.#state), termsOf(session)];
    if (said.join('\n') !== terms.join('\n')) throw evidenceMismatch({ terms, session });
  }

  async #offered(offer: Offer): Promise<void> {
    await checkOffer(this.#connection, this.#state, offer);
    const before = this.#state[`${offer.role}_offer`];
    if (!before || before.offered_at <= offer.offered_at) this.#become({ [`${offer.role}_offer`]: offer });
  }

  async #completed(): Promise<void> {
    if (this.#state.status === 'agreed') return;
    const path = `/api/negotiations/${this.id}`;
    const { session } = await this.#connection.http.call<Pick<NegotiationEvidence, 'session'>>('GET', path);
    if (session.status !== 'agreed') return;
    this.#demandTerms(session);
    const agreed = await agreementOf(this.#connection, session);
    await this.#keep('agreement', agreed.evidence);
    this.#become(session);
    this.#topic.ended.resolve(agreed);
  }

  #become(change: Partial<NegotiationState>): void {
    this.#state = { ...this.#state, ...change };
    const { status } = this.#state;
    if (status === 'rejected' || status === 'expired') {
      this.#topic.ended.reject(new AerieError('not_agreed', { details: { status } }));
    }
    this.#topic.news.wake();
    if (status !== 'open') this.#topic.end(new AerieError('session_closed', { details: { status } }));
  }
}
