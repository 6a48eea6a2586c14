import { micro, usdc } from '../../channels/kernel/money.ts';
import { type ChannelBody, Deal, type HistoryItem, type Party, type PendingBody } from '../channels/deals/party.ts';
import type { Address } from '../support/aerie.ts';
import type { Topic } from '../support/official_client.ts';
import { Traffic } from './traffic.ts';

const DEPOSIT_MICRO = micro('1');
const MAX_AMOUNT_MICRO = 50_000;
/** A push can be lost without its client having to join again; then it is in the answer to a GET. */
const ASK_EVERY_MS = 1_000;

interface Side {
  readonly party: Party;
  readonly topic: Topic;
}

/** Two agents pay each other, one transfer after the other; each knows only what the server has told it. */
export class PaymentTraffic extends Traffic {
  readonly name = 'a payment channel';
  readonly #executed: HistoryItem[] = [];
  #balances = { aMicro: DEPOSIT_MICRO, bMicro: DEPOSIT_MICRO };
  #deal: Deal | undefined;
  #sides: readonly Side[] = [];

  get acknowledged(): number {
    return this.#executed.length;
  }

  protected async open(): Promise<void> {
    const [a, b] = await Promise.all([this.party(), this.party()]);
    const deposit = usdc(DEPOSIT_MICRO);
    const home = a.moved(this.node);
    const opened = await this.made(() => Deal.open(home, b, { deposit_a: deposit, deposit_b: deposit }));
    const deal = new Deal(a, b, opened.channelId);
    this.#deal = deal;
    this.#sides = await Promise.all(
      [a, b].map(async (party) => ({ party, topic: await this.join(party, deal.topic) })),
    );
  }

  protected async step(): Promise<void> {
    const deal = this.#deal as Deal;
    const nonce = this.#executed.length + 1;
    const amountMicro = BigInt(1 + this.random(MAX_AMOUNT_MICRO));
    const isByA = this.random(2) === 0 ? this.#balances.aMicro >= amountMicro : this.#balances.bMicro < amountMicro;
    const [sender, receiver] = (isByA ? this.#sides : this.#sides.toReversed()) as [Side, Side];
    const moved = isByA ? -amountMicro : amountMicro;
    const balances = { aMicro: this.#balances.aMicro + moved, bMicro: this.#balances.bMicro - moved };
    const [amount, a, b] = [amountMicro, balances.aMicro, balances.bMicro].map(usdc) as [string, string, string];

    const proposal = deal.proposal(sender.party, nonce, amount, [a, b]);
    await this.push(sender.topic, 'propose_transfer', proposal);
    const state = { nonce, from: sender.party.id, to: receiver.party.id, amount, balance_a: a, balance_b: b };
    const pending = await this.#told<PendingBody>(receiver, 'propose_transfer', nonce, ({ pending }) => pending);
    expect(pending).toEqual({ ...state, signature: proposal.signature });
    const acknowledgement = deal.acknowledgement(pending);
    const { channel } = await this.push<{ channel: ChannelBody }>(
      receiver.topic,
      'acknowledge_transfer',
      acknowledgement,
    );
    expect(channel).toMatchObject({ nonce, balance_a: a, balance_b: b, pending: null });

    const signatures = [proposal.signature, acknowledgement.signature];
    const [signatureA, signatureB] = isByA ? signatures : signatures.reverse();
    const coSigned = { ...state, signature_a: signatureA, signature_b: signatureB };
    this.#executed.push(coSigned);
    this.#balances = balances;
    const last = await this.#told<object>(sender, 'transfer_complete', nonce, ({ last_state }) => last_state);
    expect(last).toMatchObject(coSigned);
  }

  /** Each step is complete when both agents know of it. */
  protected async complete(): Promise<void> {}

  async check(nodes: readonly Address[]): Promise<void> {
    const { a, b, channelId } = this.#deal as Deal;
    const nonce = this.#executed.length;
    const [balanceA, balanceB] = [usdc(this.#balances.aMicro), usdc(this.#balances.bMicro)];
    expect(this.#balances.aMicro + this.#balances.bMicro).toBe(2n * DEPOSIT_MICRO);
    for (const node of nodes) {
      const deal = new Deal(a.moved(node), b.moved(node), channelId);
      const channel = { balance_a: balanceA, balance_b: balanceB, nonce, next_nonce: nonce + 1, pending: null };
      expect(await deal.read()).toMatchObject(channel);
      expect(await deal.history()).toMatchObject(this.#executed);
    }
    // Nobody was told of a transfer under two states, whatever was pushed twice.
    for (const { topic } of this.#sides) {
      const told = topic.events('transfer_complete') as HistoryItem[];
      for (const transfer of told) expect(transfer).toMatchObject(this.#executed[transfer.nonce - 1] ?? {});
    }
  }

  /** Waits until an agent hears of a transfer: by a push, by the answer to a join, or by asking. */
  async #told<T extends { nonce?: number }>(
    { party, topic }: Side,
    event: string,
    nonce: number,
    ofChannel: (channel: ChannelBody) => unknown,
  ): Promise<T> {
    let found: T | undefined;
    const look = (all: readonly unknown[]) => {
      found ??= (all as (T | null)[]).findLast((one) => one?.nonce === nonce) ?? undefined;
    };
    let askAtMs = Date.now() + ASK_EVERY_MS;
    await this.until(async () => {
      look(topic.events(event));
      look((topic.answers as { channel: ChannelBody }[]).map(({ channel }) => ofChannel(channel)));
      if (!found && Date.now() > askAtMs) {
        askAtMs = Date.now() + ASK_EVERY_MS;
        look(await this.#asked(party, ofChannel));
      }
      return found !== undefined;
    });
    return found as T;
  }

  async #asked(party: Party, ofChannel: (channel: ChannelBody) => unknown): Promise<unknown[]> {
    const path = `/api/payment_channels/${(this.#deal as Deal).channelId}`;
    const answer = await party.call<{ channel: ChannelBody }>('GET', path).catch(() => undefined);
    return answer?.status === 200 ? [ofChannel(answer.body.channel)] : [];
  }
}
