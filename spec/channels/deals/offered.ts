import { randomUUID } from 'node:crypto';
import type { Deployment } from '../../support/deployments.ts';
import { type ChannelBody, Party } from './party.ts';

interface Answer {
  readonly channel: ChannelBody & Offered;
  readonly reason: string;
  readonly details?: { readonly reason?: string };
}

export interface Offered {
  readonly opened_at: string | null;
  readonly proposed_by: string | null;
  readonly proposal_expires_at: string | null;
  readonly open_signature_a: string | null;
  readonly open_signature_b: string | null;
  readonly closing: { readonly reason: string } | null;
}

/** Two agents, at two nodes where there are two, and the terms of a payment channel that nobody has signed yet. */
export class Offer {
  readonly a: Party;
  readonly b: Party;
  readonly terms: {
    readonly id: string;
    readonly agent_a: string;
    readonly agent_b: string;
    readonly deposit_a: string;
    readonly deposit_b: string;
    readonly challenge_period_ms: number;
  };

  constructor(a: Party, b: Party, fields: object = {}) {
    this.a = a;
    this.b = b;
    const agents = { agent_a: a.id, agent_b: b.id };
    const money = { deposit_a: '10', deposit_b: '5', challenge_period_ms: 60_000 };
    this.terms = { id: `pay-${randomUUID()}`, ...agents, ...money, ...fields };
  }

  get id(): string {
    return this.terms.id;
  }

  get topic(): string {
    return `payment:${this.id}`;
  }

  /** Other terms between the same two. */
  other(fields: object = {}): Offer {
    return new Offer(this.a, this.b, fields);
  }

  sign(by: Party): string {
    const { id: channel_id, ...terms } = this.terms;
    return by.sign('payment.open', { channel_id, ...terms });
  }

  /** What an agent sends who knows its own signature alone. */
  signedBy(by: Party): object {
    return { ...this.terms, [by.id === this.a.id ? 'signature_a' : 'signature_b']: this.sign(by) };
  }

  get signedByBoth(): object {
    return { ...this.terms, signature_a: this.sign(this.a), signature_b: this.sign(this.b) };
  }

  post(by: Party, body: object = this.signedBy(by)) {
    return by.call<Answer>('POST', '/api/payment_channels', body);
  }

  withdraw(by: Party) {
    return by.call<Answer>('DELETE', `/api/payment_channels/${this.id}`);
  }

  async read(by: Party): Promise<ChannelBody & Offered> {
    return (await by.call<Answer>('GET', `/api/payment_channels/${this.id}`)).body.channel;
  }
}

export async function newOffer({ here, there, networkId }: Deployment, fields: object = {}): Promise<Offer> {
  return new Offer(await Party.at(here, networkId), await Party.at(there, networkId), fields);
}
