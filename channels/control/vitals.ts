import { type Hub, internalTopic, type Log, type Subscription } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { AgentVitals, Vitals } from './port.ts';
import type { VitalsPayload } from './schema.ts';

/** The last that an agent said is kept so long. */
export const KEPT_MS = 60_000;
/** An agent may say something so often. */
const EVERY_MS = 1_000;
/** Interval at which changes are told to nodes that want them, and old ones are dropped. */
const TICK_MS = 1_000;
/** Nodes that want them say so this often, and count as such for a while longer. */
const ASK_EVERY_MS = 10_000;
const WANTED_MS = 30_000;
/** A node whose last question is so old stops to listen. */
const IDLE_MS = 60_000;
/** Longest wait for what other nodes know, where a node has just begun to listen. */
const ANSWER_MS = 1_000;
const CHUNK = 1_000;

/** Nodes ask here; all of them listen. */
const ASKED = internalTopic('vitals_asked');
/** Nodes tell here; those that have asked listen. */
const TOLD = internalTopic('vitals');

interface Said {
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly gpu: number | null;
  /** By this process' clock. */
  readonly atMs: number;
}

/** By agent: cpu, memory, gpu, and the age in ms. */
type Told = readonly (readonly [
  id: string,
  cpu: number | null,
  memory: number | null,
  gpu: number | null,
  ageMs: number,
])[];

export interface VitalsOptions {
  readonly hub: Pick<Hub, 'subscribe' | 'publish'> & { readonly pubsub: Pick<Hub['pubsub'], 'nodeId' | 'onGap'> };
  /** How many nodes there are. */
  readonly liveNodes: () => number;
  readonly store: Pick<Store, 'nowMs'>;
  readonly log: Log;
}

/**
 * What agents say of the machines they run on. A node keeps what it hears itself; others hear of it only while somebody
 * there asks, so that nobody's question costs nothing.
 */
export class VitalsBoard implements Vitals {
  readonly #options: VitalsOptions;
  /** Said on this node, and elsewhere while it listens. */
  readonly #here = new Map<string, Said>();
  readonly #elsewhere = new Map<string, Said>();
  readonly #changed = new Set<string>();
  readonly #asked: Subscription;
  readonly #timer: NodeJS.Timeout;
  #wantedUntilMs = 0;
  #following: { readonly subscription: Subscription; readonly first: Promise<void> } | undefined;
  #questionAtMs = 0;
  #askedAtMs = 0;
  /** Called when a node has told all it knows. */
  #onAll: (nodeId: string) => void = () => {};

  constructor(options: VitalsOptions) {
    this.#options = options;
    const { hub } = options;
    this.#asked = hub.subscribe(ASKED, ({ event }, nodeId) => {
      if (nodeId === hub.pubsub.nodeId) return;
      this.#wantedUntilMs = performance.now() + WANTED_MS;
      if (event === 'all') this.#tell([...this.#here.keys()], true);
    });
    this.#asked.ready?.catch(() => {});
    hub.pubsub.onGap(() => {
      if (this.#following) this.#ask('all');
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** @returns 0, or the ms to wait: then it counts for nothing */
  say(agentId: string, { cpu, memory, gpu }: VitalsPayload): number {
    const nowMs = performance.now();
    const waitMs = (this.#here.get(agentId)?.atMs ?? -EVERY_MS) + EVERY_MS - nowMs;
    if (waitMs > 0) return Math.ceil(waitMs);
    this.#here.set(agentId, { cpu: cpu ?? null, memory: memory ?? null, gpu: gpu ?? null, atMs: nowMs });
    if (nowMs < this.#wantedUntilMs) this.#changed.add(agentId);
    return 0;
  }

  async of(agentIds: readonly string[]): Promise<ReadonlyMap<string, AgentVitals>> {
    this.#questionAtMs = performance.now();
    this.#following ??= this.#follow();
    await this.#following.first;
    const storeMs = await this.#options.store.nowMs();
    const nowMs = performance.now();
    const known = new Map<string, AgentVitals>();
    for (const id of agentIds) {
      const said = newer(this.#here.get(id), this.#elsewhere.get(id));
      const ageMs = said ? nowMs - said.atMs : KEPT_MS;
      if (said && ageMs < KEPT_MS) known.set(id, { ...said, atMs: Math.round(storeMs - ageMs) });
    }
    return known;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#asked.stop();
    this.#following?.subscription.stop();
  }

  /** Begins to hear of those elsewhere. `first` resolves when the other nodes have told what they know, or did not in time. */
  #follow() {
    const { hub, liveNodes } = this.#options;
    const subscription = hub.subscribe(TOLD, ({ payload, event }, nodeId) => {
      if (nodeId === hub.pubsub.nodeId) return;
      this.#hear(JSON.parse(String(payload)) as Told);
      if (event === 'all') this.#onAll(nodeId);
    });
    const begin = async () => {
      await subscription.ready?.catch(() => {});
      const others = liveNodes() - 1;
      // A node that is not known yet answers later.
      if (others <= 0) return this.#ask('all');
      await new Promise<void>((resolve) => {
        const heard = new Set<string>();
        const late = setTimeout(resolve, ANSWER_MS);
        this.#onAll = (nodeId) => {
          if (heard.add(nodeId).size < others) return;
          clearTimeout(late);
          resolve();
        };
        this.#ask('all');
      });
    };
    return { subscription, first: begin() };
  }

  #ask(what: 'all' | 'some'): void {
    this.#askedAtMs = performance.now();
    this.#options.hub.publish(ASKED, { event: what, payload: '{}' });
  }

  #hear(told: Told): void {
    const nowMs = performance.now();
    for (const [id, cpu, memory, gpu, ageMs] of told)
      this.#elsewhere.set(id, { cpu, memory, gpu, atMs: nowMs - ageMs });
  }

  #tell(agentIds: readonly string[], isAll: boolean): void {
    const nowMs = performance.now();
    const told = agentIds.flatMap((id): Told => {
      const said = this.#here.get(id);
      return said ? [[id, said.cpu, said.memory, said.gpu, Math.round(nowMs - said.atMs)]] : [];
    });
    for (let at = 0; at < told.length || (isAll && at === 0); at += CHUNK) {
      const event = isAll && at + CHUNK >= told.length ? 'all' : 'some';
      this.#options.hub.publish(TOLD, { event, payload: JSON.stringify(told.slice(at, at + CHUNK)) });
    }
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const board of [this.#here, this.#elsewhere]) {
      for (const [id, { atMs }] of board) if (nowMs - atMs >= KEPT_MS) board.delete(id);
    }
    if (this.#changed.size > 0) {
      this.#tell([...this.#changed], false);
      this.#changed.clear();
    }
    if (!this.#following) return;
    if (nowMs - this.#questionAtMs > IDLE_MS) {
      this.#following.subscription.stop();
      this.#following = undefined;
      this.#elsewhere.clear();
    } else if (nowMs - this.#askedAtMs >= ASK_EVERY_MS) {
      this.#ask('some');
    }
  }
}

const newer = (one: Said | undefined, other: Said | undefined) =>
  !one || (other && other.atMs > one.atMs) ? other : one;
