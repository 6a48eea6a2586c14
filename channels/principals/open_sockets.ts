import { LRUCache } from 'lru-cache';
import type { Nodes } from '../../server/index.ts';
import type { AccountKind } from './account.ts';
import { socketTally } from './socket_tally.ts';

/** Sockets that one agent has open on this node. */
export interface LocalSockets {
  readonly agentId: string;
  /** By whatever mount; 0: none any more. */
  readonly sockets: number;
  /** AgentSockets among them. */
  readonly agentSockets: number;
  /** When the first of those that are open was opened, by this node's clock, as all times here. */
  readonly openedAtMs: number;
  /** When it was last put on `agents:discovery` through this node, or taken off; 0: never, as far as is known. */
  readonly discoveredAtMs: number;
}

export type Opened =
  | { readonly ok: true; readonly close: () => void }
  /** It has as many as it may have. */
  | { readonly ok: false; readonly cause?: undefined }
  /** That cannot be told now. */
  | { readonly ok: false; readonly cause: Error };

interface OpenSocket {
  readonly isAgentSocket: boolean;
  readonly openedAtMs: number;
}

interface OfAgent {
  /** In the order in which they were opened. */
  readonly open: Set<OpenSocket>;
  discoveredAtMs: number;
}

/** Agents that have gone, of which it is remembered that they were on `agents:discovery`. */
const MAX_REMEMBERED = 10_000;

export interface OpenSocketsListener {
  changed(sockets: LocalSockets): void;
  /** This node drains: all its sockets are moved away. */
  draining(): void;
}

/** The one place where sockets that hang on an account are counted, by whatever mount they came: over all nodes, and on this one. */
export class OpenSockets {
  readonly #nodes: Pick<Nodes, 'tally'>;
  readonly #maxOfOne: number;
  readonly #agents = new Map<string, OfAgent>();
  readonly #discovered = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  #listener: OpenSocketsListener | undefined;
  #isDraining = false;

  /** @param maxOfOne sockets that one account may have on all nodes */
  constructor(nodes: Pick<Nodes, 'tally'>, maxOfOne: number) {
    this.#nodes = nodes;
    this.#maxOfOne = maxOfOne;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** One socket more for an account, if it has not too many already. `close` is to be called once, when it has ended. */
  async open(kind: AccountKind, id: string, { isAgentSocket = false } = {}): Promise<Opened> {
    const tally = socketTally(kind, id);
    const release = () => void this.#nodes.tally(tally, -1).catch(() => {});
    let open: number;
    try {
      open = await this.#nodes.tally(tally, 1);
    } catch (error) {
      release();
      return { ok: false, cause: error instanceof Error ? error : new Error(String(error)) };
    }
    if (open > this.#maxOfOne) {
      release();
      return { ok: false };
    }
    if (kind !== 'agent') return { ok: true, close: release };
    const remove = this.#add(id, { isAgentSocket, openedAtMs: Date.now() });
    return {
      ok: true,
      close() {
        release();
        remove();
      },
    };
  }

  /** An agent is on `agents:discovery` through this node, or was until now. */
  discovered(agentId: string): void {
    const agent = this.#agents.get(agentId);
    if (agent) agent.discoveredAtMs = Date.now();
    // Its last socket here has closed already; it may still have others.
    else this.#discovered.set(agentId, Date.now());
    this.#tell(agentId);
  }

  /** This node moves its clients away. */
  drain(): void {
    this.#isDraining = true;
    this.#listener?.draining();
  }

  *ofAgents(): Iterable<LocalSockets> {
    for (const id of this.#agents.keys()) yield this.of(id);
  }

  of(agentId: string): LocalSockets {
    const agent = this.#agents.get(agentId);
    let agentSockets = 0;
    let openedAtMs = 0;
    for (const socket of agent?.open ?? []) {
      if (socket.isAgentSocket) agentSockets++;
      if (openedAtMs === 0) openedAtMs = socket.openedAtMs;
    }
    const { open, discoveredAtMs = this.#discovered.get(agentId) ?? 0 } = agent ?? {};
    return { agentId, sockets: open?.size ?? 0, agentSockets, openedAtMs, discoveredAtMs };
  }

  /** Has one listener told of what changes; without one nothing is told. */
  listen(listener: OpenSocketsListener | undefined): void {
    this.#listener = listener;
  }

  #add(agentId: string, socket: OpenSocket): () => void {
    const agent = this.#agents.get(agentId);
    if (agent) agent.open.add(socket);
    else {
      const discoveredAtMs = this.#discovered.get(agentId) ?? 0;
      this.#agents.set(agentId, { open: new Set([socket]), discoveredAtMs });
    }
    this.#tell(agentId);
    return () => this.#remove(agentId, socket);
  }

  #remove(agentId: string, socket: OpenSocket): void {
    const agent = this.#agents.get(agentId);
    if (!agent?.open.delete(socket)) return;
    if (agent.open.size === 0) {
      this.#agents.delete(agentId);
      // It may still have sockets on other nodes.
      if (agent.discoveredAtMs > 0) this.#discovered.set(agentId, agent.discoveredAtMs);
    }
    this.#tell(agentId);
  }

  #tell(agentId: string): void {
    this.#listener?.changed(this.of(agentId));
  }
}
