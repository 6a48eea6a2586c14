import type { Refusal, TypedHub } from '../../server/index.ts';
import { StoreUnavailable } from '../../server/store/index.ts';
import type { Applied } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Making, NoticeRef } from '../messages/notifications.ts';
import type { Event } from './commands.ts';
import type { Payments } from './payments.ts';
import type { Propose } from './proposal_decide.ts';
import { channelOf, endOf, type Found, isOpening, type Proposal, termsOf } from './proposal_state.ts';
import type { Proposals } from './proposals.ts';
import type { pushes } from './schema.ts';
import type { PaymentChannel } from './state.ts';
import { closedView, foundView, proposalClosing } from './view.ts';

export interface OpeningsOptions {
  readonly payments: Payments;
  readonly proposals: Proposals;
  readonly hub: TypedHub<typeof pushes>;
}

/** What has become of a call that opens or proposes. `isNew`: it has changed something. */
export type Begun = { readonly ok: true; readonly found: Found; readonly isNew: boolean } | Refusal;

/**
 * Payment channels before and while they are opened. A proposal and its channel are two aggregates and cannot change
 * together: the proposal decides, then the channel is made of it. Whoever finds that this was left undone does it: the same
 * call again, an event on the topic, the proposal's deadline.
 */
export class Openings {
  readonly #options: OpeningsOptions;

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  /** As it is now. Once there is a channel its proposal does not count any more. */
  async find(id: string): Promise<Found | undefined> {
    const { payments, proposals } = this.#options;
    const channel = await payments.read(id);
    if (channel) return channel;
    const proposal = await proposals.read(id);
    return proposal && isOpening(proposal) ? ((await payments.read(id)) ?? channelOf(proposal)) : proposal;
  }

  /** Many as they are now, in the order of `ids`. */
  async findMany(ids: readonly string[]): Promise<(Found | undefined)[]> {
    const { payments, proposals } = this.#options;
    const channels = await payments.readMany(ids);
    const others = ids.filter((_, at) => !channels[at]);
    if (others.length === 0) return channels;
    const found = await proposals.readMany(others);
    const byId = new Map(found.flatMap((proposal) => (proposal ? [[proposal.id, proposal]] : [])));
    return channels.map((channel, at) => {
      if (channel) return channel;
      const proposal = byId.get(ids[at] ?? '');
      return proposal && isOpening(proposal) ? channelOf(proposal) : proposal;
    });
  }

  /**
   * The channel as it is kept, or was kept when this node saw it last; one that is about to be opened is opened first. For
   * commands that are decided on what is kept.
   */
  async stored(id: string): Promise<PaymentChannel | undefined> {
    const { payments, proposals } = this.#options;
    const channel = await payments.recall(id);
    if (channel) return channel;
    const proposal = await proposals.stored(id);
    if (!proposal || !isOpening(proposal)) return undefined;
    await this.#open(proposal);
    return payments.stored(id);
  }

  /** Says why there was no channel to change: it is only proposed, or never was opened. Other answers stay as they are. */
  async whereOpen<A extends object>(id: string, answer: A | Refusal): Promise<A | Refusal> {
    if (!('reason' in answer && answer.reason === 'not_found')) return answer;
    const proposal = await this.#options.proposals.read(id);
    if (!proposal) return answer;
    const reason = endOf(proposal);
    return reason ? refuse('channel_closed', { reason }) : refuse('channel_not_open');
  }

  /** Proposes, adds what is missing, or opens. */
  async begin(command: Propose): Promise<Making<Begun>> {
    const { id } = command.terms;
    const applied = await this.#options.proposals.apply(id, command);
    if (!applied.ok) return { result: applied, kept: [] };
    const kept: readonly NoticeRef[] = applied.state.notices ?? [];
    const isNew = applied.events.length > 0;
    if (!isOpening(applied.state)) return { result: { ok: true, found: applied.state, isNew }, kept };
    const opened = await this.#open(applied.state);
    const result: Begun = opened.ok ? { ok: true, found: opened.state, isNew } : opened;
    return { result, kept };
  }

  /** Resolves when the proposal is withdrawn for good, however often. */
  async withdraw(id: string): Promise<{ readonly ok: true } | Refusal> {
    const applied = await this.#options.proposals.apply(id, { type: 'withdraw' });
    if (!applied.ok) return applied;
    if (applied.events.length > 0) this.#tellEnd(applied.state);
    return { ok: true };
  }

  /** At a proposal's deadline: it has expired, or something was left undone. */
  async wake(id: string): Promise<void> {
    const { payments, proposals } = this.#options;
    const proposal = await proposals.stored(id);
    if (!proposal) return;
    if (proposal.status === 'opening') return void (await this.#open(proposal));
    if (proposal.status === 'proposed' && (await payments.stored(id))) {
      await proposals.apply(id, { type: 'opened' });
      return;
    }
    const applied = await proposals.apply(id, { type: 'expire' });
    if (applied.ok && applied.events.length > 0) this.#tellEnd(applied.state);
  }

  /** Makes the channel of a proposal that was decided to be opened, and tells of it once. A repeat is harmless. */
  async #open(proposal: Proposal): Promise<Applied<PaymentChannel, Event>> {
    const { payments, proposals, hub } = this.#options;
    const { id, isProposed, status } = proposal;
    const { openedAtMs } = channelOf(proposal);
    const notices = proposal.notices ?? [];
    const opened = await payments.apply(id, { type: 'open', terms: termsOf(proposal), notices, openedAtMs });
    if (opened.ok && opened.events.length > 0 && isProposed) {
      hub.broadcast(`payment:${id}`, 'channel_opened', { channel: foundView(opened.state) });
    }
    if (status === 'opening') await this.#opened(id, proposals);
    return opened;
  }

  /** What cannot be noted now is noted at the deadline: the channel is there. */
  async #opened(id: string, proposals: Proposals): Promise<void> {
    try {
      await proposals.apply(id, { type: 'opened' });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  #tellEnd(proposal: Proposal): void {
    const closing = proposalClosing(proposal);
    if (closing) this.#options.hub.broadcast(`payment:${proposal.id}`, 'channel_closed', closedView(closing));
  }
}
