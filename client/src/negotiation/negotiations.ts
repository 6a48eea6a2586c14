import type { Abortable } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { evidenceMismatch } from '../error.ts';
import { newId } from '../ids.ts';
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

/** The negotiations of an agent. Each is joined once, whoever asks for it. */
export class Negotiations {
  readonly #connection: Connection;
  readonly #open: Opened<NegotiationState, Negotiation>;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#open = new Opened(connection.http, '/api/negotiations', 'session', async (session) => {
      const negotiation = await Negotiation.open(connection, session);
      const forget = () => this.#open.forget(session.id);
      negotiation.agreed.then(forget, forget);
      return negotiation;
    });
  }

  async begin({ with: other, capability, basePrice, id = newId(), signal }: NewNegotiation): Promise<Negotiation> {
    const { http, id: me } = this.#connection;
    const body = { id, provider_agent_id: other, capability, base_price: basePrice && canonical(basePrice) };
    const { session } = await http.call<{ session: NegotiationState }>('POST', '/api/negotiations', { body, signal });
    const isMine = session.id === id && session.client_agent_id === me && session.provider_agent_id === other;
    if (!isMine || session.capability !== (capability ?? null)) {
      throw evidenceMismatch({ asked: body, session });
    }
    return this.#open.take(session, undefined);
  }

  find(id: string, options?: Abortable): Promise<Negotiation> {
    return this.#open.find(id, options, undefined);
  }

  /** Tells of each open negotiation that others have begun with this agent, those from before too. */
  watch(tell: (negotiation: Negotiation) => unknown, options?: Abortable): Promise<void> {
    const list = {
      paths: ['/api/negotiations?limit=100&status=open'],
      ...{ items: 'sessions', notice: 'aerie.negotiation' },
      isWanted: ({ provider_agent_id: provider }: NegotiationState) => provider === this.#connection.id,
    };
    return watchList(this.#connection, list, options, async (session) =>
      tell(await this.#open.take(session, undefined)),
    );
  }
}
