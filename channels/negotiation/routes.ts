import { jsonAnswer, jsonBody, type Method, type Route } from '../../server/http/index.ts';
import type { HttpAnswer, Refusal } from '../../server/index.ts';
import { newId } from '../kernel/ids.ts';
import { micro } from '../kernel/money.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { Notifications } from '../messages/notifications.ts';
import type { Agent } from '../principals/agent.ts';
import type { Principal } from '../principals/authenticate.ts';
import { isPartyOrOwner } from '../principals/parties.ts';
import {
  type ApiCall,
  type Handle,
  isParticipant,
  nameOf,
  readable,
  unlessSuspended,
} from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import type { Negotiations } from './negotiations.ts';
import { DEFAULT_EXPIRES_IN_MS, NegotiationRequest } from './schema.ts';
import type { Negotiation } from './state.ts';
import { historyView, negotiationView } from './view.ts';

export interface NegotiationRouteOptions {
  readonly negotiations: Negotiations;
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly notifications: Pick<Notifications, 'announce'>;
}

const readBody = jsonBody(NegotiationRequest);

export function negotiationRoutes(options: NegotiationRouteOptions): Route<Principal>[] {
  const route = (method: Method, path: string, handle: Handle): Route<Principal> => ({ method, path, handle });
  return [
    route('POST', '/api/negotiations', unlessSuspended(createNegotiation(options))),
    route('GET', '/api/negotiations/:id', readNegotiation(options)),
  ];
}

/** `GET /api/negotiations/{id}` */
function readNegotiation({ negotiations, agents }: NegotiationRouteOptions): Handle {
  return async ({ principal, param }) => {
    const read = await readable(principal, await negotiations.read(param('id')), ({ clientAgentId, providerAgentId }) =>
      isPartyOrOwner(principal, [clientAgentId, providerAgentId], agents),
    );
    if (!read.ok) return read;
    return jsonAnswer(200, { session: { ...negotiationView(read.thing), history: historyView(read.thing) } });
  };
}

/** `POST /api/negotiations` */
function createNegotiation(options: NegotiationRouteOptions): Handle {
  return async (call: ApiCall): Promise<HttpAnswer | Refusal> => {
    const read = await readBody(call.exchange);
    if (!read.ok) return read;
    const request = read.body;
    const { principal } = call;
    const clientId = request.client_agent_id ?? (principal.kind === 'agent' ? principal.id : undefined);
    if (clientId === undefined && principal.kind === 'admin') {
      return refuseField('/client_agent_id', 'must be there when no agent makes the negotiation');
    }
    if (clientId === request.provider_agent_id) return refuseField('/provider_agent_id', 'must be another agent');
    if (principal.kind !== 'admin' && !isParticipant(principal, [clientId])) {
      return refuse('forbidden');
    }
    return open(options, nameOf(principal), { ...request, client_agent_id: clientId ?? '' }, creatorOf(principal));
  };
}

const creatorOf = (principal: Principal) => (principal.kind === 'agent' ? principal.id : null);

type FullRequest = NegotiationRequest & { readonly client_agent_id: string };

async function open(options: NegotiationRouteOptions, by: string, request: FullRequest, creatorId: string | null) {
  const { negotiations, agents, notifications } = options;
  const id = request.id ?? newId();
  const existing = request.id === undefined ? undefined : await negotiations.read(id);
  const [client, provider] = await Promise.all([
    agents.read(request.client_agent_id),
    agents.read(request.provider_agent_id),
  ]);
  const price = priceOf(request, provider, existing);
  const capability = request.capability ?? null;
  const expiresInMs = request.expires_in_ms ?? DEFAULT_EXPIRES_IN_MS;
  const registration = requestDigest(by, {
    client: request.client_agent_id,
    provider: request.provider_agent_id,
    capability,
    basePriceMicro: price,
    expiresInMs,
  });
  if (existing && existing.registration !== registration) return refuse('conflict');
  if (existing) return answer(existing, 200);

  const unfit = counterpartRefusal('client_agent_id', client) ?? counterpartRefusal('provider_agent_id', provider);
  if (unfit || !client || !provider) return unfit ?? refuse('not_found');
  if (price === undefined || price === 0n) {
    return refuseField('/base_price', 'must be there, as the provider asks no price above 0 for this capability');
  }
  const terms = {
    id,
    clientAgentId: client.id,
    providerAgentId: provider.id,
    clientPublicKey: client.publicKey,
    providerPublicKey: provider.publicKey,
    capability,
    basePriceMicro: price,
    isPriceAnnounced: request.base_price === undefined,
    creatorId,
    registration,
  };
  const others = [client.id, provider.id].filter((agentId) => agentId !== creatorId);
  const notice = { type: 'aerie.negotiation', thingId: id, by, request: registration } as const;
  const opened = await notifications.announce(notice, others, async (refs) => {
    const result = await negotiations.apply(id, { type: 'open', terms, expiresInMs, notices: refs });
    return { result, kept: (result.ok && result.state.notices) || [] };
  });
  if (!opened.ok) return opened;
  return answer(opened.state, opened.events.length > 0 ? 201 : 200);
}

/** A repeat without a base price means the one that was announced when it came first. */
function priceOf(request: FullRequest, provider: Agent | undefined, existing: Negotiation | undefined) {
  if (request.base_price !== undefined) return micro(request.base_price);
  if (existing?.isPriceAnnounced) return existing.basePriceMicro;
  return provider?.capabilities.find(({ name }) => name === request.capability)?.priceMicro;
}

function counterpartRefusal(field: string, agent: Agent | undefined): Refusal | undefined {
  if (!agent) return refuse('not_found', { field });
  return agent.status === 'suspended' ? refuse('forbidden', { field, status: 'suspended' }) : undefined;
}

const answer = (negotiation: Negotiation, status: number) =>
  jsonAnswer(status, { session: negotiationView(negotiation) });
