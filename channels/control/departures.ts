import type { Log } from '../../server/index.ts';
import type { Requests } from './requests.ts';

/** An agent is gone when all its sockets have been closed for so long. */
export const GONE_MS = 5_000;
const TICK_MS = 500;

export interface DeparturesOptions {
  readonly requests: Pick<Requests, 'hasOpen' | 'disconnect' | 'agentsWithOpen'>;
  /** Sockets on `agent:{id}` over all nodes, in the order of `agentIds`. @throws NodesUnavailable */
  readonly socketsOf: (agentIds: readonly string[]) => Promise<readonly number[]>;
  readonly log: Log;
}

interface Departed {
  sinceMs: number;
  /** True once it is known that the agent has something to answer. */
  isAwaited: boolean;
}

/**
 * Ends the requests of agents whose sockets are all closed. The node whose socket was closed watches; of a node that is gone all
 * others do. One that comes back in time goes on with what it has.
 */
export class Departures {
  readonly #options: DeparturesOptions;
  readonly #departed = new Map<string, Departed>();
  readonly #timer: NodeJS.Timeout;
  #isTicking = false;

  constructor(options: DeparturesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** A socket of the agent was closed, perhaps its last. */
  left(agentId: string): void {
    // Another object: a look that is under way counted before this, and must not let go of it.
    this.#departed.set(agentId, { sinceMs: performance.now(), isAwaited: false });
  }

  /** A node is gone, and with it perhaps the last sockets of agents. */
  async lookAtAll(): Promise<void> {
    for (const agentId of await this.#options.requests.agentsWithOpen()) {
      if (!this.#departed.has(agentId)) this.left(agentId);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #tick(): Promise<void> {
    if (this.#isTicking || this.#departed.size === 0) return;
    this.#isTicking = true;
    try {
      await this.#look();
    } catch (error) {
      // Nobody is gone because it cannot be seen.
      for (const departed of this.#departed.values()) departed.sinceMs = performance.now();
      this.#options.log.warn({ err: error }, 'looking whether agents are gone failed; it is tried again');
    } finally {
      this.#isTicking = false;
    }
  }

  async #look(): Promise<void> {
    const { requests, socketsOf } = this.#options;
    const watched = [...this.#departed];
    const sockets = await socketsOf(watched.map(([agentId]) => agentId));
    for (const [at, [agentId, departed]] of watched.entries()) {
      if ((sockets[at] ?? 0) > 0) {
        this.#forget(agentId, departed);
        continue;
      }
      departed.isAwaited ||= await requests.hasOpen(agentId);
      if (!departed.isAwaited) {
        this.#forget(agentId, departed);
      } else if (performance.now() - departed.sinceMs >= GONE_MS) {
        // It may have come back while others were looked at.
        const [socketsNow = 0] = await socketsOf([agentId]);
        if (socketsNow === 0) await requests.disconnect(agentId);
        this.#forget(agentId, departed);
      }
    }
  }

  /** Unless a socket was closed since. */
  #forget(agentId: string, departed: Departed): void {
    if (this.#departed.get(agentId) === departed) this.#departed.delete(agentId);
  }
}
