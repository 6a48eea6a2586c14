import { COLLECTOR } from '../../../channels/analytics/collector.ts';
import { OFFLINE_ALERTS } from '../../../channels/analytics/offline_alerts.ts';
import { readSecrets } from '../../../channels/principals/secrets.ts';
import { type Backend, openBackend } from '../../../platform/backend.ts';
import { type Config, readConfig } from '../../../platform/config.ts';
import { type RunningNode, startNode } from '../../../platform/node.ts';
import { silentLog } from '../../../server/index.ts';
import { localNodes } from '../../../server/nodes/local.ts';
import { localPubSub } from '../../../server/pubsub/local.ts';
import { openEmbeddedStore } from '../../../server/store/embedded.ts';
import type { Store } from '../../../server/store/port.ts';
import { ADMIN_TOKEN, type Address, addressOf, type Place } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';

/** A clock that stands still until it is moved. */
export class Clock {
  nowMs: number;

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  readonly read = () => this.nowMs;
}

/** The nodes of a deployment, in this process, by a clock that the spec moves. */
export class Nodes {
  readonly #place: Place;
  readonly #count: number;
  readonly #clock: Clock;
  readonly #onLook: (atMs: number) => void;
  #running: RunningNode[] = [];
  #lookedAtMs = 0;
  #nextRoundMs = 0;

  /** @param onLook called whenever somebody has looked who is online */
  constructor(place: Place, count: number, clock: Clock, onLook: (atMs: number) => void) {
    this.#place = place;
    this.#count = count;
    this.#clock = clock;
    this.#onLook = onLook;
  }

  /** The first node, and the last: another one where there are two. */
  get entrances(): readonly [Address, Address] {
    const [here, there] = [this.#running[0], this.#running.at(-1)];
    if (!here || !there) throw new Error('no node runs');
    return [addressOf(`http://127.0.0.1:${here.port}`), addressOf(`http://127.0.0.1:${there.port}`)];
  }

  async start(): Promise<void> {
    const env = { ...this.#place.env, PORT: '0', ORBIT_PORT: '0', ADMIN_TOKEN, RATE_LIMIT: '0', HTTP_RATE_LIMIT: '0' };
    while (this.#running.length < this.#count) {
      const config = readConfig({ ...env, NODE_ID: `node-${this.#running.length}` });
      const backend = await this.#backend(config);
      const secrets = await readSecrets(backend.store, config);
      this.#running.push(await startNode({ config, backend, secrets, log: silentLog }));
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((node) => node.stop(0)));
  }

  /** Resolves when nobody looks any more who is online, until the clock is moved by 5 s. */
  looked(): Promise<void> {
    return eventually(() => expect(this.#lookedAtMs).toBeGreaterThan(this.#clock.nowMs - 5_000), 10_000);
  }

  /** Resolves when all is counted that was done before the clock was moved to where it is, by a second at least. */
  counted(): Promise<void> {
    return eventually(() => expect(this.#nextRoundMs).toBeGreaterThan(this.#clock.nowMs), 10_000);
  }

  async #backend(config: Config): Promise<Backend> {
    const { nodeId, dataDir: dir, redisUrl } = config;
    if (redisUrl !== undefined) {
      const backend = await openBackend(config, silentLog, () => {});
      return { ...backend, store: this.#watched(byClock(backend.store, this.#clock)) };
    }
    const store = await openEmbeddedStore({ dir, nowMs: this.#clock.read });
    const local = { pubsub: localPubSub({ nodeId }), nodes: localNodes({ nodeId }), redis: undefined };
    return { store: this.#watched(store), ...local, place: dir };
  }

  #watched(store: Store): Store {
    return {
      ...store,
      commit: async (aggregate, expected, change) => {
        const committed = await store.commit(aggregate, expected, change);
        if (!committed.ok || aggregate.kind !== COLLECTOR || aggregate.id === OFFLINE_ALERTS) return committed;
        if (change.fields?.looked != null) {
          this.#lookedAtMs = Number(change.fields.looked);
          this.#onLook(this.#lookedAtMs);
        }
        if (change.fields && change.deadlineMs != null) this.#nextRoundMs = change.deadlineMs;
        return committed;
      },
    };
  }
}

/**
 * The same store by another clock. How long it is until a deadline is still measured by its own: what the clock is moved
 * over is handed out late, never early.
 */
function byClock(store: Store, clock: Clock): Store {
  return {
    ...store,
    async read(...args) {
      const { nowMs } = clock;
      return { ...(await store.read(...args)), nowMs };
    },
    async readMany(...args) {
      const { nowMs } = clock;
      return (await store.readMany(...args)).map((snapshot) => ({ ...snapshot, nowMs }));
    },
    async commit(aggregate, expected, change) {
      if (change.deadlineMs == null) return store.commit(aggregate, expected, change);
      const aheadMs = (await store.nowMs()) - clock.nowMs;
      return store.commit(aggregate, expected, { ...change, deadlineMs: change.deadlineMs + aheadMs });
    },
    nowMs: async () => clock.nowMs,
  };
}
