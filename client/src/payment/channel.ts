import { type Abortable, waitFor } from '../abort.ts';
import { usdc } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, ignore } from '../error.ts';
import { read, write } from '../keep.ts';
import type { ChannelState, Closing, CoSigned, HistoryItem } from '../wire.ts';
import { type Paid, Payer, type PayOptions } from './payer.ts';
import { type ChannelPolicies, type ClosePolicy, Standing, type TransferPolicy } from './standing.ts';

/** A payment to this side. */
export interface Payment extends CoSigned {
  readonly at: string;
}

export interface CloseOptions extends Abortable {
  /** Milliseconds after which a dispute is opened where the other side has not signed. */
  readonly orDispute?: number;
}

/** What `aerie verify` takes: with it anybody verifies the channel, without the server. */
export interface ChannelEvidence {
  readonly network_id: string;
  readonly public_keys: Readonly<Record<string, string>>;
  readonly channel: ChannelState;
  readonly history: readonly HistoryItem[];
}

/** A payment channel of this agent's (PROTOCOL.md, section 5.4). Nothing is signed on it that harms this side. */
export class Channel {
  readonly id: string;
  readonly #connection: Connection;
  readonly #standing: Standing;
  readonly #payer: Payer;

  private constructor(connection: Connection, standing: Standing) {
    this.id = standing.state.id;
    this.#connection = connection;
    this.#standing = standing;
    this.#payer = new Payer(standing);
  }

  /** Joins it; resolves when what the server says of it is verified. @internal */
  static async open(connection: Connection, state: ChannelState, policies?: ChannelPolicies): Promise<Channel> {
    const channel = new Channel(connection, await Standing.open(connection, state, policies));
    if (connection.canSign) await channel.#payer.resume();
    return channel;
  }

  /** As the server has said last. What this side holds itself to are `balance` and `theirBalance`. */
  get state(): ChannelState {
    return this.#standing.state;
  }

  /** USDC of this side, by the newest state that both have signed. */
  get balance(): string {
    const { balances, mine } = this.#standing.ledger;
    return usdc(balances[mine]);
  }

  /** USDC of the other side, by the newest state that both have signed. */
  get theirBalance(): string {
    const { balances, theirs } = this.#standing.ledger;
    return usdc(balances[theirs]);
  }

  /** States as they follow, beginning with the present one; who is slow misses those in between. Ends when the channel is closed. */
  changes({ signal }: Abortable = {}): AsyncGenerator<ChannelState> {
    return this.#unlessClosed(this.#states(signal));
  }

  async *#states(signal: AbortSignal | undefined): AsyncGenerator<ChannelState> {
    let told: ChannelState | undefined;
    for await (const state of this.#standing.states(signal)) {
      if (state !== told) yield state;
      told = state;
      if (state.status === 'closed') return;
    }
  }

  /** What decides about transfers to this side; by default all are taken that are rightly signed. */
  onTransfer(policy: TransferPolicy): void {
    this.#standing.policies.onTransfer = policy;
  }

  /** What decides about a proposed close; by default each is signed that leaves this side no less than it has. */
  onProposedClose(policy: ClosePolicy): void {
    this.#standing.policies.onProposedClose = policy;
  }

  /**
   * Pays the other side; resolves when both have signed. An abort takes the payment back: with outcome `none` once that is certain.
   *
   * @throws AerieError: `insufficient_balance`, `transfer_rejected`, `channel_closed`, `channel_disputed`, `keep_required`,
   *         `evidence_mismatch`, `conflict` (the id is that of a payment of another amount)
   */
  async pay(amount: string, options: PayOptions = {}): Promise<Paid> {
    this.#connection.demandSigner(true);
    this.#standing.topic.demandSound();
    return this.#payer.pay(amount, options);
  }

  /** Payments to this side as they are executed, behind the last one that was taken, which moves when the next one is asked for. */
  payments({ signal }: Abortable = {}): AsyncGenerator<Payment> {
    return this.#unlessClosed(this.#payments(signal));
  }

  async *#payments(signal: AbortSignal | undefined): AsyncGenerator<Payment> {
    const { keep, id: me } = this.#connection;
    const key = `taken:${this.id}`;
    let after = (await read<number>(keep, key)) ?? 0;
    for await (const { status } of this.#standing.states(signal)) {
      for await (const item of this.#standing.history(after)) {
        after = item.nonce;
        if ('burned' in item || item.to !== me) continue;
        yield item;
        await write(keep, key, after);
      }
      if (status === 'closed') return;
    }
  }

  /** Ends it when the agent is closed. */
  async *#unlessClosed<T>(loop: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      yield* loop;
    } catch (error) {
      if (!this.#connection.closed.aborted) throw error;
    }
  }

  /**
   * Proposes to end the channel as the newest state has it; resolves when it is closed. One that is only proposed is withdrawn.
   *
   * @throws AerieError: `evidence_mismatch`, `aborted`
   */
  async close({ orDispute, signal }: CloseOptions = {}): Promise<Closing> {
    const { topic, ledger } = this.#standing;
    this.#connection.demandSigner(false);
    await waitFor(this.#payer.idle(), signal, 'none');
    let isLate = false;
    const late = () => {
      isLate = true;
      topic.news.wake();
    };
    const timer = orDispute === undefined ? undefined : setTimeout(late, orDispute);
    try {
      let proposedAt: number | undefined;
      for await (const { status } of this.#standing.states(signal)) {
        const { nonce } = ledger;
        if (status === 'closed') break;
        if (status === 'proposed') await this.withdraw();
        else if (isLate && status === 'open') await this.dispute('no answer', undefined, { signal });
        else if (proposedAt !== nonce) {
          // Where a transfer was executed in that moment, or it is closed, that is told, and looked at then.
          const overtaken = ignore('invalid_nonce', 'channel_closed', 'balance_mismatch');
          await this.#standing.proposeClose(ledger.balances, signal).catch(overtaken);
          proposedAt = nonce;
        }
      }
    } finally {
      clearTimeout(timer);
    }
    return waitFor(topic.ended.promise, signal);
  }

  /**
   * Freezes the channel and shows the newest state that both have signed, or what is given.
   *
   * @param reason at most 1,024 characters; @param evidence JSON of at most 16 KiB
   */
  async dispute(reason: string, evidence?: object, options?: Abortable): Promise<ChannelState> {
    const { newest } = this.#standing.ledger;
    const shown = evidence ?? (newest ? { state: newest } : {});
    await this.#standing.topic.call('dispute', { reason, evidence: shown }, options);
    await this.#standing.refresh();
    return this.state;
  }

  /** What `aerie verify` takes, verified. @throws AerieError `evidence_mismatch` */
  async evidence(options?: Abortable): Promise<ChannelEvidence> {
    const { http, networkId } = this.#connection;
    const standing = this.#standing;
    for (;;) {
      const known = standing.ledger.nonce;
      const { channel } = await http.call<{ channel: ChannelState }>('GET', standing.path, options);
      const history: HistoryItem[] = [];
      for await (const item of standing.history(0)) history.push(item);
      // Something was under way between the two.
      if (history.length !== channel.next_nonce - (channel.pending ? 2 : 1)) continue;
      await standing.topic.hear(() => standing.ledger.refresh(channel, known));
      const public_keys = await this.#connection.publicKeys(channel.agent_a, channel.agent_b);
      return { network_id: networkId, public_keys, channel, history };
    }
  }

  /** Resolves when both have signed. @throws AerieError `channel_closed` where one of them took it back. @internal */
  async opened({ signal }: Abortable): Promise<void> {
    for await (const { status, closing } of this.#standing.states(signal)) {
      if (status === 'closed') throw new AerieError('channel_closed', { details: closing });
      if (status !== 'proposed') return;
    }
  }

  /** Takes a proposal back. @throws AerieError `conflict` where it is opened already @internal */
  async withdraw(): Promise<void> {
    await this.#connection.http.call('DELETE', this.#standing.path);
  }
}
