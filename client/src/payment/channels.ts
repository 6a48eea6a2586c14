import type { Abortable } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, evidenceMismatch, isReason } from '../error.ts';
import { newId } from '../ids.ts';
import { report } from '../listeners.ts';
import { Opened } from '../opened.ts';
import { watchList } from '../watch_list.ts';
import type { ChannelState } from '../wire.ts';
import { Channel } from './channel.ts';
import { ChannelRecord } from './record.ts';
import type { ChannelPolicies } from './standing.ts';
import { openFields, sameTerms, type Terms, termsOf } from './states.ts';

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

/** The payment channels of an agent. Each is joined once, whoever asks for it. */
export class Channels {
  readonly #connection: Connection;
  readonly #open: Opened<ChannelState, Channel, ChannelPolicies>;

  constructor(connection: Connection) {
    this.#connection = connection;
    const join = (state: ChannelState, policies: ChannelPolicies) => Channel.open(connection, state, policies);
    this.#open = new Opened(connection.http, '/api/payment_channels', 'channel', join);
  }

  /** Proposes a channel; resolves when the other side has opened it. */
  async begin({ with: other, signal, ...asked }: NewChannel): Promise<Channel> {
    this.#connection.demandSigner(true);
    const { onTransfer, onProposedClose } = asked;
    const terms: Terms = {
      id: asked.id ?? newId(),
      agent_a: this.#connection.id,
      agent_b: other,
      deposit_a: canonical(asked.deposit),
      deposit_b: canonical(asked.theirDeposit ?? '0'),
      challenge_period_ms: asked.challengePeriodMs ?? HOUR_MS,
    };
    try {
      const channel = await this.#open.take(await this.#sign(terms, signal), { onTransfer, onProposedClose });
      await channel.opened({ signal });
      return channel;
    } catch (error) {
      // Opened in that moment, `channel(id)` finds it.
      if (signal?.aborted) await this.#withdraw(terms.id).catch(unlessGone);
      throw error;
    }
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
      if (isOpen && !(await this.#isOpenedHere(said))) return;
      const verdict = isOpen ? await policy(proposalOf(said, this.#connection.id)) : await this.#accept(said, policy);
      if (!verdict && !isOpen) return;
      const channel = await this.#open.take(said, typeof verdict === 'object' ? verdict : {});
      void Promise.resolve(channel).then(onOpen).catch(report);
    });
  }

  /** True if a process before this one has signed it. */
  async #isOpenedHere({ id }: ChannelState): Promise<boolean> {
    return !this.#open.has(id) && (await new ChannelRecord(this.#connection, id).read())?.opening !== undefined;
  }

  async #accept(state: ChannelState, policy: ProposalPolicy) {
    const { id, proposed_by: by } = state;
    const signature = by === state.agent_a ? state.open_signature_a : state.open_signature_b;
    const terms = termsOf(state);
    const isWhole = [state.agent_a, state.agent_b].includes(this.#connection.id) && by && signature;
    if (!isWhole || !(await this.#connection.isSigned(by, signature, 'payment.open', ...openFields(terms)))) {
      throw evidenceMismatch({ proposal: state });
    }
    try {
      const verdict = await policy(proposalOf(state, this.#connection.id));
      if (verdict) await this.#sign(terms);
      else await this.#withdraw(id);
      return verdict;
    } catch (error) {
      // Withdrawn or expired meanwhile.
      if (!isReason(error, 'channel_closed', 'not_found')) throw error;
    }
    return false;
  }

  /** Keeps what is signed, and sends it. */
  async #sign(terms: Terms, signal?: AbortSignal): Promise<ChannelState> {
    const { http, id: me } = this.#connection;
    const signature = await new ChannelRecord(this.#connection, terms.id).signOpening(terms);
    const body = { ...terms, [terms.agent_a === me ? 'signature_a' : 'signature_b']: signature };
    const sent = http.call<{ channel: ChannelState }>('POST', '/api/payment_channels', { body, signal });
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

const unlessGone = (error: unknown) => isReason(error, 'not_found') || report(error);

const isMissing = (details: unknown) => JSON.stringify(details ?? '').includes('signature');

function proposalOf(state: ChannelState, me: string): Proposal {
  const { id, agent_a, agent_b, deposit_a, deposit_b, challenge_period_ms: challengePeriodMs } = state;
  const [from, deposit, theirDeposit] =
    agent_a === me ? [agent_b, deposit_a, deposit_b] : [agent_a, deposit_b, deposit_a];
  return { id, from, deposit, theirDeposit, challengePeriodMs };
}
