import { type Abortable, aborted } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, evidenceMismatch, isReason } from '../error.ts';
import { once } from '../in_flight.ts';
import { report } from '../listeners.ts';
import { Opened } from '../opened.ts';
import { watchList } from '../watch_list.ts';
import type { ChannelState } from '../wire.ts';
import { Channel } from './channel.ts';
import { Ledger } from './ledger.ts';
import type { ChannelPolicies } from './standing.ts';
import { sameTerms, type Terms, termsOf } from './states.ts';

export interface NewChannel extends Abortable, ChannelPolicies {
  /** The other agent. */
  readonly with: string;
  /** USDC of this side. */
  readonly deposit: string;
  /** USDC of the other side; `0` where it is left out. */
  readonly theirDeposit?: string;
  /** Milliseconds that a dispute lasts, 1 s to 30 days; an hour where it is left out. */
  readonly challengePeriodMs?: number;
  /** The same id again is the same channel. */
  readonly id?: string;
}

/** A payment channel that somebody else would like to open with this agent. */
export interface Proposal {
  readonly id: string;
  readonly from: string;
  /** USDC of this side. */
  readonly deposit: string;
  /** USDC of the other side. */
  readonly theirDeposit: string;
  readonly challengePeriodMs: number;
}

/** Whether to sign a proposed channel. What it returns as an object are the policies of the channel. */
export type ProposalPolicy = (proposal: Proposal) => boolean | ChannelPolicies | Promise<boolean | ChannelPolicies>;

export interface ProposalOptions extends Abortable {
  /** Told of each channel that was opened by the policy, those of processes before this one too. */
  readonly onOpen?: (channel: Channel) => unknown;
}

const HOUR_MS = 3_600_000;

/** The payment channels of an agent. */
export class Channels {
  readonly #connection: Connection;
  /** Those that it has joined. */
  readonly #open: Opened<ChannelState, Channel, ChannelPolicies>;

  constructor(connection: Connection) {
    this.#connection = connection;
    const place = { path: '/api/payment_channels', field: 'channel' };
    this.#open = new Opened(connection.http, place, (state, policies) => Channel.open(connection, state, policies));
  }

  /** Proposes a channel; resolves when the other side has opened it. */
  async begin({ with: other, signal, id, ...asked }: NewChannel): Promise<Channel> {
    this.#connection.demandSigner(true);
    const fields = {
      agent_a: this.#connection.id,
      agent_b: other,
      deposit_a: canonical(asked.deposit),
      deposit_b: canonical(asked.theirDeposit ?? '0'),
      challenge_period_ms: asked.challengePeriodMs ?? HOUR_MS,
    };
    return once(this.#connection, { id, signal }, { channel: fields }, async (id) => {
      try {
        const channel = await this.#open.take(await this.#sign({ id, ...fields }, signal), asked);
        await channel.opened({ signal });
        return channel;
      } catch (error) {
        if (!signal?.aborted) throw error;
        await this.#withdraw(id).catch((refused) => {
          // Opened in that moment, `channel(id)` finds it.
          if (!isReason(refused, 'not_found')) throw error;
        });
        throw aborted(signal, 'none');
      }
    });
  }

  find(id: string, { signal, ...policies }: Abortable & ChannelPolicies = {}): Promise<Channel> {
    return this.#open.find(id, { signal }, policies);
  }

  /** Decides about channels that others propose, those from before too, and goes on with those that were opened so. */
  async watch(policy: ProposalPolicy, { onOpen, signal }: ProposalOptions): Promise<void> {
    this.#connection.demandSigner(false);
    const list = {
      paths: ['open', 'proposed'].map((status) => `/api/payment_channels?limit=100&status=${status}`),
      ...{ items: 'channels', notice: 'aerie.payment_channel' },
      isWanted: ({ proposed_by: by }: ChannelState) => Boolean(by) && by !== this.#connection.id,
    };
    await watchList<ChannelState>(this.#connection, list, { signal }, async (said) => {
      const isOpen = said.status === 'open';
      const ledger = new Ledger(this.#connection, said);
      if (isOpen && !(await this.#isOpenedHere(ledger))) return;
      const verdict = isOpen ? await policy(proposalOf(ledger)) : await this.#accept(said, ledger, policy);
      if (!verdict && !isOpen) return;
      const channel = await this.#open.take(said, typeof verdict === 'object' ? verdict : {});
      void Promise.resolve(channel).then(onOpen).catch(report);
    });
  }

  /** True if a process before this one has signed it. */
  async #isOpenedHere({ terms, record }: Ledger): Promise<boolean> {
    return !this.#open.has(terms.id) && (await record.read())?.opening !== undefined;
  }

  async #accept(state: ChannelState, ledger: Ledger, policy: ProposalPolicy) {
    const { terms, peer } = ledger;
    await ledger.verifyOpening(state);
    if (state.proposed_by !== peer || !state[`open_signature_${ledger.theirs}`]) throw evidenceMismatch({ state });
    try {
      const verdict = await policy(proposalOf(ledger));
      if (verdict) await this.#sign(terms);
      else await this.#withdraw(terms.id);
      return verdict;
    } catch (error) {
      // Withdrawn or expired meanwhile.
      if (!isReason(error, 'channel_closed', 'not_found')) throw error;
    }
    return false;
  }

  /** Keeps what is signed, and sends it. */
  async #sign(terms: Terms, signal?: AbortSignal): Promise<ChannelState> {
    const { record, mine } = new Ledger(this.#connection, terms);
    const body = { ...terms, [`signature_${mine}`]: await record.signOpening(terms) };
    const sent = this.#connection.http.call<{ channel: ChannelState }>('POST', '/api/payment_channels', {
      body,
      signal,
    });
    const { channel } = await sent.catch((error) => {
      // A server of the version before wants both signatures at once.
      throw isReason(error, 'invalid_payload') && isMissing(error.details) ? new AerieError('unsupported') : error;
    });
    if (!sameTerms(termsOf(channel), terms)) throw evidenceMismatch({ terms, channel });
    return channel;
  }

  /** Takes a proposal back, or declines it. */
  #withdraw(id: string): Promise<unknown> {
    return this.#connection.http.call('DELETE', `/api/payment_channels/${id}`);
  }
}

const isMissing = (details: unknown) => /signature/.test(JSON.stringify(details));

function proposalOf({ terms, mine, theirs, peer }: Ledger): Proposal {
  const { id, challenge_period_ms: challengePeriodMs } = terms;
  return {
    id,
    from: peer,
    deposit: terms[`deposit_${mine}`],
    theirDeposit: terms[`deposit_${theirs}`],
    challengePeriodMs,
  };
}
