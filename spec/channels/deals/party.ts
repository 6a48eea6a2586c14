import type { SocketConnectOption } from 'phoenix';
import type { Purpose, SignedFields } from '../../../crypto/signed_text.ts';
import { ADMIN_TOKEN, type Address, registerAgent, type TestAgent } from '../../support/aerie.ts';
import type { Deployment } from '../../support/deployments.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { sign } from '../../support/signing.ts';

/** An agent with its signing key, at one node or what stands before several. */
export class Party {
  readonly node: Address;
  readonly agent: TestAgent;
  readonly networkId: string;
  readonly #clients: Client[] = [];

  constructor(node: Address, agent: TestAgent, networkId: string) {
    this.node = node;
    this.agent = agent;
    this.networkId = networkId;
  }

  static async at(node: Address, networkId: string, fields: object = {}): Promise<Party> {
    return new Party(node, await registerAgent(node, fields), networkId);
  }

  get id(): string {
    return this.agent.id;
  }

  sign<P extends Purpose>(purpose: P, fields: SignedFields<P>): string {
    return sign(this.agent.secretKey, purpose, fields, this.networkId);
  }

  join(topic: string, params: object = {}, options: Partial<SocketConnectOption> = {}): Promise<Topic> {
    const client = new Client(this.node.url, { params: { api_key: this.agent.apiKey }, ...options });
    this.#clients.push(client);
    return client.join(topic, params);
  }

  call<Body>(method: string, path: string, body?: unknown) {
    return this.node.call<Body>(method, path, this.agent.apiKey, body);
  }

  /** The same agent at another node. */
  moved(node: Address): Party {
    return new Party(node, this.agent, this.networkId);
  }

  async leave(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
  }
}

export interface ChannelBody {
  readonly id: string;
  readonly agent_a: string;
  readonly agent_b: string;
  readonly balance_a: string;
  readonly balance_b: string;
  readonly nonce: number;
  readonly next_nonce: number;
  readonly status: string;
  readonly pending: PendingBody | null;
  readonly closing: object | null;
  readonly last_state: object | null;
  readonly challenge_ends_at: string | null;
  readonly proposed_close: ProposedCloseBody | null;
}

export interface ProposedCloseBody {
  readonly by: string;
  readonly nonce: number;
  readonly signature: string;
}

export interface PendingBody {
  readonly nonce: number;
  readonly from: string;
  readonly to: string;
  readonly amount: string;
  readonly balance_a: string;
  readonly balance_b: string;
  readonly signature: string;
}

/** Two agents and a payment channel between them. */
export class Deal {
  readonly a: Party;
  readonly b: Party;
  readonly channelId: string;

  constructor(a: Party, b: Party, channelId: string) {
    this.a = a;
    this.b = b;
    this.channelId = channelId;
  }

  static async open(a: Party, b: Party, fields: object = {}): Promise<Deal> {
    const body = { agent_a: a.id, agent_b: b.id, deposit_a: '10', deposit_b: '5', ...fields };
    const made = await a.node.call<{ channel: ChannelBody }>('POST', '/api/payment_channels', ADMIN_TOKEN, body);
    if (made.status !== 201) throw new Error(JSON.stringify(made.body));
    return new Deal(a, b, made.body.channel.id);
  }

  get topic(): string {
    return `payment:${this.channelId}`;
  }

  /** Signs a transfer that leaves these balances. */
  state(
    by: Party,
    from: Party,
    nonce: number,
    amount: string,
    [balanceA, balanceB]: readonly [string, string],
  ): string {
    return by.sign('payment.state', {
      channel_id: this.channelId,
      nonce,
      from_agent_id: from.id,
      to_agent_id: from === this.a ? this.b.id : this.a.id,
      amount,
      balance_a: balanceA,
      balance_b: balanceB,
    });
  }

  proposal(from: Party, nonce: number, amount: string, after: readonly [string, string]) {
    return { amount, nonce, signature: this.state(from, from, nonce, amount, after) };
  }

  acknowledgement({ from, nonce, amount, balance_a, balance_b }: PendingBody) {
    const [sender, receiver] = from === this.a.id ? [this.a, this.b] : [this.b, this.a];
    return { amount, nonce, signature: this.state(receiver, sender, nonce, amount, [balance_a, balance_b]) };
  }

  /** A state that both have signed, as evidence holds it. */
  evidence(from: Party, nonce: number, amount: string, after: readonly [string, string]) {
    const to = from === this.a ? this.b : this.a;
    return {
      state: {
        nonce,
        from: from.id,
        to: to.id,
        amount,
        balance_a: after[0],
        balance_b: after[1],
        signature_a: this.state(this.a, from, nonce, amount, after),
        signature_b: this.state(this.b, from, nonce, amount, after),
      },
    };
  }

  closing(nonce: number, [a, b]: readonly [string, string]) {
    const fields = { channel_id: this.channelId, nonce, final_balance_a: a, final_balance_b: b };
    return {
      final_balance_a: a,
      final_balance_b: b,
      signature_a: this.a.sign('payment.close', fields),
      signature_b: this.b.sign('payment.close', fields),
    };
  }

  /** Final balances that one side has signed. */
  finals(by: Party, nonce: number, [a, b]: readonly [string, string]) {
    const fields = { channel_id: this.channelId, nonce, final_balance_a: a, final_balance_b: b };
    return { final_balance_a: a, final_balance_b: b, nonce, signature: by.sign('payment.close', fields) };
  }

  async read(node = this.a.node): Promise<ChannelBody> {
    const path = `/api/payment_channels/${this.channelId}`;
    return (await node.call<{ channel: ChannelBody }>('GET', path, ADMIN_TOKEN)).body.channel;
  }

  async history(): Promise<readonly HistoryItem[]> {
    const items: HistoryItem[] = [];
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const path: string = `/api/payment_channels/${this.channelId}/history?limit=7&after=${after}`;
      const page: { body: { items: HistoryItem[]; next_cursor?: string } } = await this.a.node.call(
        'GET',
        path,
        ADMIN_TOKEN,
      );
      items.push(...page.body.items);
      after = page.body.next_cursor;
    }
    return items;
  }
}

export interface HistoryItem {
  readonly nonce: number;
  readonly burned?: true;
  readonly from: string;
  readonly amount: string;
  readonly balance_a: string;
  readonly balance_b: string;
}

/** The reason for which something is refused. */
export const reasonOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    (response) => `taken: ${JSON.stringify(response)}`,
    (refusal: { reason?: string }) => String(refusal.reason ?? refusal),
  );

/** Two agents, at two nodes where there are two, with a payment channel. */
export async function newDeal({ here, there, networkId }: Deployment, fields: object = {}): Promise<Deal> {
  return Deal.open(await Party.at(here, networkId), await Party.at(there, networkId), fields);
}
