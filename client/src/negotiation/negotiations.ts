import type { Abortable } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { evidenceMismatch } from '../error.ts';
import { once } from '../in_flight.ts';
import { Opened } from '../opened.ts';
import { watchList } from '../watch_list.ts';
import type { NegotiationState } from '../wire.ts';
import { Negotiation } from './negotiation.ts';

export interface NewNegotiation extends Abortable {
  /** The agent that is to do the work. */
  readonly with: string;
  readonly capability?: string;
  /** USDC; where it is left out, the price that the other has announced. */
  readonly basePrice?: string;
  /** The same id again is the same negotiation. */
  readonly id?: string;
}

/** The negotiations that an agent has joined. */
export type Negotiations = Opened<NegotiationState, Negotiation>;

export function openNegotiations(connection: Connection): Negotiations {
  const place = { path: '/api/negotiations', field: 'session' };
  const open: Negotiations = new Opened(connection.http, place, async (session) => {
    const negotiation = await Negotiation.open(connection, session);
    const forget = () => open.delete(session.id);
    negotiation.agreed.then(forget, forget);
    return negotiation;
  });
  return open;
}

/** Begins to negotiate a price with another agent, as the client. */
export async function negotiate(
  connection: Connection,
  negotiations: Negotiations,
  { with: other, capability, basePrice, id, signal }: NewNegotiation,
): Promise<Negotiation> {
  const fields = { provider_agent_id: other, capability, base_price: basePrice && canonical(basePrice) };
  const session = await once(connection, { id, signal }, { negotiation: fields }, async (id) => {
    const body = { id, ...fields };
    const call = connection.http.call<{ session: NegotiationState }>('POST', '/api/negotiations', { body, signal });
    const { session: said } = await call;
    const isMine = said.id === id && said.client_agent_id === connection.id && said.provider_agent_id === other;
    if (!isMine || said.capability !== (capability ?? null)) throw evidenceMismatch({ asked: body, session: said });
    return said;
  });
  return negotiations.take(session);
}

/** Tells of each open negotiation that others have begun with this agent, those from before too. */
export function watchNegotiations(
  connection: Connection,
  negotiations: Negotiations,
  tell: (negotiation: Negotiation) => unknown,
  options?: Abortable,
): Promise<void> {
  const list = {
    paths: ['/api/negotiations?limit=100&status=open'],
    ...{ items: 'sessions', notice: 'aerie.negotiation' },
    isWanted: ({ provider_agent_id: provider }: NegotiationState) => provider === connection.id,
  };
  return watchList<NegotiationState>(connection, list, options, async (session) =>
    tell(await negotiations.take(session)),
  );
}
