import { sleep } from '../abort.ts';
import { usdc } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, evidenceMismatch, isReason } from '../error.ts';
import { report } from '../listeners.ts';
import { VerifiedTopic } from '../verified_topic.ts';
import type { ChannelState, Closing, CoSigned, HistoryItem, Proposed, ProposedClose, Transfer } from '../wire.ts';
import { Ledger } from './ledger.ts';
import { NONCE_TAKEN, type Payable } from './payer.ts';
import { type Balances, balancesOf, finalsOf, termsOf, transferOf } from './states.ts';

type Verdict = boolean | string;

/** Whether to take a transfer that is rightly signed: `false`, or a reason, rejects it. */
export type TransferPolicy = (transfer: Transfer) => Verdict | Promise<Verdict>;

/** Whether to sign a close that the other side proposes. What leaves this side less than it has is never signed. */
export type ClosePolicy = (close: ProposedClose) => boolean | Promise<boolean>;

export interface ChannelPolicies {
  /** By default all transfers are taken that are rightly signed. */
  onTransfer?: TransferPolicy | undefined;
  /** By default each close is signed that leaves this side no less than it has. */
  onProposedClose?: ClosePolicy | undefined;
}

interface Joined {
  readonly channel: ChannelState;
}

/** Items of its history that are asked for at once. */
const PAGE = 100;

/** The reasons of an answer that fails since it comes too late, or that nobody wants any more. */
const EXCUSES = [
  'closed',
  'no_pending_transfer',
  'channel_closed',
  'channel_disputed',
  'invalid_nonce',
  'balance_mismatch',
];

/** How a payment channel stands: what comes is verified, kept and answered, one thing after the other. */
export class Standing implements Payable {
  readonly connection: Connection;
  readonly ledger: Ledger;
  readonly topic: VerifiedTopic<Joined, Closing>;
  readonly policies: ChannelPolicies;
  /** Nonces of transfers that are being answered. */
  readonly #answering = new Set<number>();
  state: ChannelState;

  private constructor(connection: Connection, state: ChannelState, policies?: ChannelPolicies) {
    this.connection = connection;
    this.state = { ...state, pending: null, proposed_close: null };
    this.policies = { ...policies };
    this.ledger = new Ledger(connection, termsOf(state));
    const { record } = this.ledger;
    this.topic = new VerifiedTopic(connection, `payment:${state.id}`, (mismatch) => record.stop(mismatch));
    const { topic } = this;
    const excuse = (error: unknown) => this.#excuse(error);
    topic.onJoin((joined) => void this.#joined(joined).catch(excuse));
    topic.onHeard<Proposed>('propose_transfer', (pending) => this.#proposed(pending));
    topic.onHeard<CoSigned>('transfer_complete', (executed) => this.#executed(executed));
    topic.onHeard<{ nonce: number }>('reject_transfer', ({ nonce }) => this.#passed(nonce));
    topic.onHeard<ProposedClose>('propose_close', (close) => this.#closeProposed(close));
    for (const event of ['channel_opened', 'dispute', 'channel_closed']) {
      topic.on(event, () => void this.refresh().catch(excuse));
    }
  }

  /** Its path over HTTP. */
  get path(): string {
    return `/api/payment_channels/${this.ledger.terms.id}`;
  }

  /** Joins it; resolves when what the server says of it is verified. */
  static async open(connection: Connection, state: ChannelState, policies?: ChannelPolicies): Promise<Standing> {
    const standing = new Standing(connection, state, policies);
    await standing.ledger.load();
    await standing.topic.enter();
    return standing;
  }

  /** The present state, and the newest one after each change. @throws AerieError where nothing is signed any more; `closed` */
  async *states(signal?: AbortSignal): AsyncGenerator<ChannelState> {
    const { news } = this.topic;
    for (;;) {
      this.topic.demandSound();
      const { version } = news;
      yield this.state;
      await news.since(version, signal);
    }
  }

  /** Asks how the channel stands, and again where something has come meanwhile, since the answer may be from before. */
  async refresh(): Promise<void> {
    for (;;) {
      const { version } = this.topic.news;
      const { channel } = await this.connection.http.call<Joined>('GET', this.path);
      if (await this.#take(channel, version)) return;
    }
  }

  /** The items behind a nonce, page by page; what was executed is verified. */
  async *history(after: number): AsyncGenerator<HistoryItem> {
    for (let last = after; ; ) {
      const page = `${this.path}/history?limit=${PAGE}&after=${last}`;
      const { items } = await this.connection.http.call<{ items: HistoryItem[] }>('GET', page);
      await this.topic.hear(() => this.ledger.verifyHistory(items, last));
      yield* items;
      if (items.length < PAGE) return;
      last += PAGE;
    }
  }

  /** Returns the history's item of a nonce; nothing while it is open. */
  async outcome(nonce: number): Promise<HistoryItem | undefined> {
    for await (const item of this.history(nonce - 1)) return item;
    return undefined;
  }

  async #joined({ channel }: Joined): Promise<void> {
    // What came on the join before, and is still being looked at, goes first.
    if (!(await this.#take(channel, this.topic.news.version))) await this.refresh();
  }

  /** Takes an answer over, in its turn. @returns false where something has come since it was asked for at that version */
  async #take(channel: ChannelState, version: number): Promise<boolean> {
    const known = this.ledger.nonce;
    let isStale = false;
    await this.topic.hear(async () => {
      isStale = version !== this.topic.news.version;
      if (isStale) return;
      await this.ledger.refresh(channel, known);
      const { pending, proposed_close: close } = channel;
      const verified = pending && ((await this.ledger.verifyProposed(pending)) ?? null);
      if (close) await this.ledger.verifyClose(close);
      if (channel.status === 'closed' && this.state.status !== 'closed') await this.#closed(channel);
      this.become({ ...channel, pending: verified });
    });
    return !isStale;
  }

  /** Tells whoever waits, and answers what wants an answer. */
  become(change: Partial<ChannelState>): void {
    this.state = { ...this.state, ...change };
    this.topic.news.wake();
    const { pending, proposed_close: close, status, closing } = this.state;
    if (status === 'closed') this.topic.end(new AerieError('channel_closed', { details: closing }));
    if (!this.connection.canSign || status === 'closed') return;
    if (pending && pending.from === this.ledger.peer && !this.#answering.has(pending.nonce)) void this.#answer(pending);
    if (close && close.by === this.ledger.peer && !pending) void this.#answerClose(close);
  }

  async #proposed(said: Proposed): Promise<void> {
    const pending = await this.ledger.verifyProposed(said);
    if (pending) this.become({ pending, next_nonce: Math.max(this.state.next_nonce, pending.nonce + 1) });
  }

  async #executed(state: CoSigned): Promise<void> {
    await this.ledger.adopt(state);
    const { newest: last_state } = this.ledger;
    if (!last_state || last_state.nonce <= this.state.nonce) return;
    const { nonce, balance_a, balance_b } = last_state;
    this.#passed(nonce, { nonce, balance_a, balance_b, last_state, proposed_close: null });
  }

  /** A nonce is executed or burned. */
  #passed(nonce: number, change: Partial<ChannelState> = {}): void {
    const { pending, next_nonce } = this.state;
    const left = pending && pending.nonce > nonce ? pending : null;
    this.become({ ...change, pending: left, next_nonce: Math.max(next_nonce, nonce + 1) });
  }

  async #closeProposed(close: ProposedClose): Promise<void> {
    await this.ledger.verifyClose(close);
    this.become({ proposed_close: close });
  }

  async #closed({ closing }: ChannelState): Promise<void> {
    if (!closing) throw evidenceMismatch({ closing });
    await this.ledger.verifyEnd(closing);
    this.topic.ended.resolve(closing);
  }

  async #answer(pending: Proposed): Promise<void> {
    const { nonce, amount } = pending;
    const transfer = transferOf(pending);
    this.#answering.add(nonce);
    try {
      // After whoever asked for the channel has said what to do with transfers.
      await sleep(0, this.connection.closed);
      const verdict = await this.#judge(() => this.policies.onTransfer?.(transfer));
      if (verdict !== true) return await this.#reject(nonce, verdict || 'not accepted');
      this.topic.demandSound();
      const signature = await this.ledger.record.signState(transfer);
      await this.topic.call('acknowledge_transfer', { amount, nonce, signature });
    } catch (error) {
      if (isReason(error, NONCE_TAKEN)) await this.#reject(nonce, NONCE_TAKEN);
      else this.#excuse(error);
    } finally {
      this.#answering.delete(nonce);
    }
  }

  async #reject(nonce: number, reason: string): Promise<void> {
    try {
      await this.topic.call('reject_transfer', { reason, nonce });
    } catch (error) {
      this.#excuse(error);
    }
    // Others are told, and this side is not.
    await this.topic.hear(() => this.#passed(nonce)).catch(() => {});
  }

  async #answerClose(close: ProposedClose): Promise<void> {
    try {
      await sleep(0, this.connection.closed);
      const { mine, balances, nonce, terms } = this.ledger;
      const ends = balancesOf(terms, finalsOf(close));
      if (ends[mine] < balances[mine] || close.nonce !== nonce) return;
      if ((await this.#judge(() => this.policies.onProposedClose?.(close))) !== true) return;
      await this.proposeClose(ends);
    } catch (error) {
      this.#excuse(error);
    }
  }

  /** Signs an end and proposes it: where the other side has proposed the same, it closes the channel. */
  async proposeClose({ a, b }: Balances, signal?: AbortSignal): Promise<void> {
    this.topic.demandSound();
    const finals = { final_balance_a: usdc(a), final_balance_b: usdc(b), nonce: this.ledger.nonce };
    const close = await this.ledger.record.signClose(finals, this.ledger.mine);
    await this.topic.call('propose_close', close, { signal });
  }

  /** Asks a policy; true where there is none. */
  async #judge(policy: () => Verdict | Promise<Verdict> | undefined): Promise<Verdict> {
    try {
      return (await policy()) ?? true;
    } catch (error) {
      report(error);
      return 'the policy failed';
    }
  }

  /** What was to be answered is over, or the agent is. */
  #excuse(error: unknown): void {
    if (!isReason(error, ...EXCUSES)) this.topic.complain(error);
  }
}
