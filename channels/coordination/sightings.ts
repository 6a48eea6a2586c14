import { LRUCache } from 'lru-cache';
import { type Hub, internalTopic, type Log } from '../../server/index.ts';
import type { Sighting } from '../observation/scene.ts';
import type { Event } from './commands.ts';
import { type Coordination, memberIds } from './state.ts';
import { endedView, initiatedView, progressView } from './view.ts';
import { progressOf } from './voting.ts';

export const topicOf = (coordinationId: string) => `coordination:${coordinationId}`;

/** Nodes tell each other here what happened to coordinations. */
const TOLD = internalTopic('coordinations');

/** Coordinations of which a node remembers how much it has been told. */
const MAX_REMEMBERED = 10_000;

export type CoordinationSighting = Extract<Sighting, { kind: 'coordination' }>;

/** What happened, as nodes tell each other. The payload is encoded once for all. */
interface Told extends Omit<CoordinationSighting, 'kind' | 'payload'> {
  readonly id: string;
  readonly revision: number;
  readonly payloadJson: string;
}

const views = { initiated: initiatedView, progress: progressView, ended: endedView };

/** Hears what happens to coordinations on every node. A fault of the listener is logged, and keeps it from nothing else. */
export type CoordinationListener = (sighting: CoordinationSighting) => void;

/**
 * Tells every node what happens to coordinations, and on each node the members of the topic and whoever listens. It may get
 * lost with a connection to Redis, as any broadcast: then clients join again, and listeners learn it from the hub.
 *
 * Two nodes that commit one after the other may be heard in the other order, so what is older than what was told of a
 * coordination is left out: each says all that the ones before it said.
 */
export class CoordinationSightings {
  readonly #hub: Pick<Hub, 'publish' | 'subscribe' | 'broadcastLocal'>;
  readonly #log: Log;
  readonly #listeners = new Set<CoordinationListener>();
  readonly #revisions = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  readonly #subscription;

  constructor(hub: Pick<Hub, 'publish' | 'subscribe' | 'broadcastLocal'>, log: Log) {
    this.#hub = hub;
    this.#log = log;
    this.#subscription = hub.subscribe(TOLD, ({ event, payload }) => {
      if (event === 'told') this.#hear(JSON.parse(String(payload)) as Told);
    });
  }

  /** Resolves when what happens on other nodes is heard, or the broker is away: then it is once the broker is back. */
  async ready(): Promise<void> {
    await this.#subscription.ready?.catch(() => {});
  }

  /** Tells what has just been committed: to this node's members and listeners before the call returns. */
  tell({ type: event, atMs }: Event, coordination: Coordination): void {
    const told: Told = {
      id: coordination.id,
      revision: coordination.revision,
      atMs,
      event,
      agentIds: memberIds(coordination),
      progress: progressOf(coordination),
      payloadJson: JSON.stringify(views[event](coordination)),
    };
    this.#hub.publish(TOLD, { event: 'told', payload: JSON.stringify(told) });
  }

  /**
   * Calls the listener for everything that happens from now on, on whatever node; in the order of each coordination, but
   * that `initiated` may come after what followed it. @returns a stop
   */
  listen(listener: CoordinationListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#subscription.stop();
  }

  #hear({ id, revision, payloadJson, ...rest }: Told): void {
    const isStale = rest.event !== 'initiated' && revision <= (this.#revisions.get(id) ?? 0);
    if (isStale) return;
    this.#revisions.set(id, Math.max(revision, this.#revisions.get(id) ?? 0));
    this.#hub.broadcastLocal(topicOf(id), `coordination.${rest.event}`, payloadJson);
    if (this.#listeners.size === 0) return;
    const sighting: CoordinationSighting = { kind: 'coordination', ...rest, payload: JSON.parse(payloadJson) };
    for (const listener of [...this.#listeners]) {
      try {
        listener(sighting);
      } catch (error) {
        this.#log.error({ err: error }, 'telling a listener of coordinations failed');
      }
    }
  }
}
