// What is signed: the lines behind the first one, in the order of docs/PROTOCOL.md, section 6.

export interface Session {
  readonly id: string;
  readonly client_agent_id: string;
  readonly provider_agent_id: string;
  readonly capability: string | null;
  readonly client_offer: { readonly amount: string } | null;
}

/** The terms that both sides sign to open a payment channel. */
export interface Terms {
  readonly id: string;
  readonly agent_a: string;
  readonly agent_b: string;
  readonly deposit_a: string;
  readonly deposit_b: string;
  readonly challenge_period_ms: number;
}

export interface Transfer {
  readonly nonce: number;
  readonly from: string;
  readonly to: string;
  readonly amount: string;
  /** Both after the transfer. */
  readonly balance_a: string;
  readonly balance_b: string;
}

export interface PaymentChannel {
  readonly id: string;
  readonly nonce: number;
  readonly next_nonce: number;
  readonly balance_a: string;
  readonly balance_b: string;
}

type Lines = readonly (string | number)[];

const parties = (s: Session) => [s.id, s.client_agent_id, s.provider_agent_id, s.capability ?? ''];

export const offerText = (session: Session, agentId: string, amount: string): Lines => [
  'negotiation.offer',
  ...parties(session),
  agentId,
  amount,
];

export const acceptText = (session: Session, agentId: string, amount: string, offers: [string, string]): Lines => [
  'negotiation.accept',
  ...parties(session),
  agentId,
  amount,
  ...offers,
];

export const openText = (t: Terms): Lines => [
  'payment.open',
  t.id,
  t.agent_a,
  t.agent_b,
  t.deposit_a,
  t.deposit_b,
  t.challenge_period_ms,
];

export const stateText = (channelId: string, t: Transfer): Lines => [
  'payment.state',
  channelId,
  t.nonce,
  t.from,
  t.to,
  t.amount,
  t.balance_a,
  t.balance_b,
];

export const closeText = ({ id, nonce, balance_a, balance_b }: PaymentChannel): Lines => [
  'payment.close',
  id,
  nonce,
  balance_a,
  balance_b,
];
