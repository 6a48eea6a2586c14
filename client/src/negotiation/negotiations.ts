import type { Abortable } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { evidenceMismatch } from '../error.ts';
import { newId } from '../ids.ts';
import type { Inbox } from '../inbox.ts';
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
  readonly #open = new Map<string, Promise<Negotiation>>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async begin({ with: other, capability, basePrice, id = newId(), signal }: NewNegotiation): Promise<Negotiation> {
    const { http, id: me } = this.#connection;
    const body = { id, provider_agent_id: other, capability, base_price: basePrice && canonical(basePrice) };
    const { session } = await http.call<{ session: NegotiationState }>('POST', '/api/negotiations', { body, signal });
    const isMine = session.id === id && session.client_agent_id === me && session.provider_agent_id === other;
    if (!isMine || session.capability !== (capability ?? null)) {
      throw evidenceMismatch({ asked: body, session });
    }
    return this.#opened(session);
  }

  async find(id: string, options?: Abortable): Promise<Negotiation> {
    const open = this.#open.get(id);
    if (open) return open;
    const path = `/api/negotiations/${id}`;
    const { session } = await this.#connection.http.call<{ session: NegotiationState }>('GET', path, options);
    return this.#opened(session);
  }

  /** Tells of each open negotiation that others have begun with this agent, those from before too. */
  watch(inbox: Inbox, tell: (negotiation: Negotiation) => unknown, options?: Abortable): Promise<void> {
    const list = {
      paths: ['/api/negotiations?limit=100&status=open'],
      ...{ items: 'sessions', notice: 'aerie.negotiation' },
      isWanted: ({ provider_agent_id: provider }: NegotiationState) => provider === this.#connection.id,
    };
    return watchList(this.#connection, inbox, list, options, async (session) => tell(await this.#opened(session)));
  }

  #opened(session: NegotiationState): Promise<Negotiation> {
    const open = this.#open.get(session.id) ?? Negotiation.open(this.#connection, session);
    this.#open.set(session.id, open);
    const forget = () => this.#open.delete(session.id);
    open.then(({ agreed }) => agreed).then(forget, forget);
    return open;
  }
}
