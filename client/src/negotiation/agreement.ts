import { micro, usdc } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { evidenceMismatch } from '../error.ts';
import type { NegotiationState, Offer } from '../wire.ts';
import { average } from './haggle.ts';

/** What both have agreed on. */
export interface Agreed {
  /** USDC */
  readonly amount: string;
  /** What `aerie verify` takes: with it anybody verifies the agreement, without the server. */
  readonly evidence: NegotiationEvidence;
}

export interface NegotiationEvidence {
  readonly network_id: string;
  readonly public_keys: Readonly<Record<string, string>>;
  readonly session: NegotiationState & { readonly history: readonly HistoryEntry[] };
}

export interface HistoryEntry {
  readonly event: string;
  readonly agent_id: string;
  readonly amount?: string;
  readonly signature?: string;
  readonly reason?: string;
  readonly at: string;
}

type Signing = Pick<Connection, 'isSigned' | 'publicKeys' | 'networkId'>;
type Terms = Pick<NegotiationState, 'id' | 'client_agent_id' | 'provider_agent_id' | 'capability'>;

/** What each text of a negotiation begins with. */
export const termsOf = ({ id, client_agent_id, provider_agent_id, capability }: Terms) =>
  [id, client_agent_id, provider_agent_id, capability ?? ''] as const;

/** @throws AerieError `evidence_mismatch` unless it is signed by whoever is said to have made it */
export async function checkOffer(by: Signing, session: NegotiationState, offer: Offer): Promise<void> {
  const { agent_id: agent, role, amount, signature } = offer;
  const isOfRole = session[`${role}_agent_id`] === agent;
  const isSigned = await by.isSigned(agent, signature, 'negotiation.offer', ...termsOf(session), agent, amount);
  if (!isOfRole || !isSigned) throw evidenceMismatch({ offer });
}

/** The amount that both agree on where one of them accepts. */
export const averageOf = (client: Offer, provider: Offer): string =>
  usdc(average(micro(client.amount), micro(provider.amount)));

/** Verifies a whole agreement. @throws AerieError `evidence_mismatch` */
export async function agreementOf(by: Signing, session: NegotiationEvidence['session']): Promise<Agreed> {
  const { client_offer: client, provider_offer: provider, agreed_amount: amount } = session;
  const accepted = session.history.findLast(({ event }) => event === 'accept');
  const lies = evidenceMismatch({ session });
  if (!client || !provider || !accepted || amount !== averageOf(client, provider)) throw lies;
  await checkOffer(by, session, client);
  await checkOffer(by, session, provider);
  const { agent_id: agent, signature = '' } = accepted;
  const isParty = agent === session.client_agent_id || agent === session.provider_agent_id;
  const fields = [...termsOf(session), agent, amount, client.amount, provider.amount] as const;
  if (!isParty || !(await by.isSigned(agent, signature, 'negotiation.accept', ...fields))) throw lies;
  const public_keys = await by.publicKeys(session.client_agent_id, session.provider_agent_id);
  return { amount, evidence: { network_id: by.networkId, public_keys, session } };
}
