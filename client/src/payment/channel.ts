import { type Abortable, anySignal, waitFor } from '../abort.ts';
import { usdc } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError, isReason } from '../error.ts';
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
  static async open(connection: Connection, state: ChannelState, policies: ChannelPolicies): Promise<Channel> {
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
    const { balances, mine } = this.#standing.ledger;
    return usdc(balances[mine === 'a' ? 'b' : 'a']);
  }

  /** The id of the other side. */
  get peer(): string {
    return this.#standing.ledger.peer;
  }

  /** States as they follow, beginning with the present one; who is slow misses those in between. Ends when the channel is closed. */
  changes({ signal }: Abortable = {}): AsyncGenerator<ChannelState> {
    let told = -1;
    const find = () => {
      const { state, version } = this.#standing;
      if (told === version) return undefined;
      told = version;
      return state;
    };
    return this.#standing.each(find, () => this.state.status === 'closed', signal);
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
    this.#standing.demandSound();
    return this.#payer.pay(amount, options);
  }

  /** Payments to this side as they are executed, behind the last one that was taken, which moves when the next one is asked for. */
  async *payments({ signal }: Abortable = {}): AsyncGenerator<Payment> {
    try {
      yield* this.#payments(signal);
    } catch (error) {
      if (!this.#connection.closed.aborted) throw error;
    }
  }

  async *#payments(signal: AbortSignal | undefined): AsyncGenerator<Payment> {
    const key = `taken:${this.id}`;
    let after = (await read<number>(this.#connection.keep, key)) ?? 0;
    for (;;) {
      const { version, state } = this.#standing;
      this.#standing.demandSound();
      for await (const item of this.#standing.ledger.history(after)) {
        after = item.nonce;
        if ('burned' in item || item.to !== this.#connection.id) continue;
        yield item;
        await write(this.#connection.keep, key, after);
      }
      if (state.status === 'closed') return;
      await this.#standing.changed(version, signal);
    }
  }

  /**
   * Proposes to end the channel as the newest state has it; resolves when it is closed. One that is only proposed is withdrawn.
   *
   * @throws AerieError: `evidence_mismatch`, `aborted`
   */
  async close({ orDispute, signal }: CloseOptions = {}): Promise<Closing> {
    this.#connection.demandSigner(false);
    await waitFor(this.#payer.idle(), signal, 'none');
    const late = new AbortController();
    const timer = orDispute === undefined ? undefined : setTimeout(() => late.abort(), orDispute);
    try {
      await this.#untilClosed(late.signal, signal);
    } finally {
      clearTimeout(timer);
    }
    return waitFor(this.#standing.ended, signal);
  }

  async #untilClosed(late: AbortSignal, signal: AbortSignal | undefined): Promise<void> {
    const standing = this.#standing;
    let proposedAt: number | undefined;
    for (;;) {
      standing.demandSound();
      const { version, state, ledger } = standing;
      const nonce = ledger.newest?.nonce ?? 0;
      if (state.status === 'closed') return;
      if (state.status === 'proposed') await this.withdraw();
      else if (late.aborted && state.status === 'open')
        await this.dispute('no answer to a proposed close', undefined, { signal });
      else if (proposedAt !== nonce) {
        await standing.proposeClose(ledger.balances, signal).catch((error) => {
          // A transfer was executed in that moment, or it is closed: looked at again when that is told.
          if (!isReason(error, 'invalid_nonce', 'channel_closed', 'balance_mismatch')) throw error;
        });
        proposedAt = nonce;
      }
      const wait = late.aborted ? signal : anySignal(late, signal);
      await standing.changed(version, wait).catch((error) => {
        if (!late.aborted || signal?.aborted || this.#connection.closed.aborted) throw error;
      });
    }
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
    this.#standing.demandSound();
    return this.state;
  }

  /** What `aerie verify` takes, verified. @throws AerieError `evidence_mismatch` */
  async evidence(options?: Abortable): Promise<ChannelEvidence> {
    const { http, networkId } = this.#connection;
    for (;;) {
      const known = this.#standing.ledger.newest?.nonce ?? 0;
      const path = `/api/payment_channels/${this.id}`;
      const { channel } = await http.call<{ channel: ChannelState }>('GET', path, options);
      const history: HistoryItem[] = [];
      for await (const item of this.#standing.ledger.history(0)) history.push(item);
      // Something was under way between the two.
      if ((history.at(-1)?.nonce ?? 0) !== channel.next_nonce - (channel.pending ? 2 : 1)) continue;
      await this.#standing.verify(channel, known);
      this.#standing.demandSound();
      const public_keys = await this.#connection.publicKeys(channel.agent_a, channel.agent_b);
      return { network_id: networkId, public_keys, channel, history };
    }
  }

  /** Resolves when both have signed. @throws AerieError `channel_closed` where one of them took it back. @internal */
  async opened({ signal }: Abortable): Promise<void> {
    for (;;) {
      this.#standing.demandSound();
      const { version, state } = this.#standing;
      if (state.status === 'closed') throw new AerieError('channel_closed', { details: state.closing });
      if (state.status !== 'proposed') return;
      await this.#standing.changed(version, signal);
    }
  }

  /** Takes a proposal back. @throws AerieError `conflict` where it is opened already @internal */
  async withdraw(): Promise<void> {
    await this.#connection.http.call('DELETE', `/api/payment_channels/${this.id}`);
  }
}
