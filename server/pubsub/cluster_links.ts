import type { Redis } from 'ioredis';
import type { Host } from '../redis/address.ts';
import { breakConnection, connectNode, keyPrefix, type RedisOptions } from '../redis/connect.ts';
import { RoundRobinConnector } from '../redis/round_robin_connector.ts';
import { SLOTS, slotOf } from '../redis/slots.ts';
import { askForView, NOBODY, sameOwner, sameTopology, settle, type Topology, type View } from '../redis/topology.ts';
import { canaryChannel } from '../reserved_topics.ts';
import { within } from '../within.ts';
import { sharded } from './commands.ts';
import { Link, type LinkListener } from './link.ts';
import { earliestHeard, type Links, type LinksListener } from './links.ts';

/** Interval at which the cluster is asked which master has which slots. */
const LOOK_MS = 2_000;
/** After something spoke for a change, at once, but not more often than this. */
const HASTY_LOOK_MS = 500;
/** A node that does not answer for so long is not waited for: the others know. */
const ANSWER_MS = 1_000;
/** While slots move one after the other, links last so long at least. */
const LINKS_LAST_MS = 2_000;

const NOTHING: Topology = { masters: [], owners: new Uint16Array(SLOTS).fill(NOBODY) };

/**
 * A link to each master of a Redis Cluster, for sharded pub/sub. When masters or their slots change all links are replaced
 * by new ones, which tell a gap once they are subscribed.
 *
 * That a slot went is seen by asking the cluster all along, and at once when Redis ends a subscription or refuses a
 * broadcast. Should all that say nothing, Redis is asked how many subscriptions it counts, so that none is missing unseen.
 */
export class ClusterLinks implements Links {
  readonly #options: RedisOptions;
  readonly #nodeId: string;
  readonly #listener: LinksListener;
  readonly #nodes: RoundRobinConnector;
  /** To whichever node: for the start, and when masters are gone. */
  readonly #guide: Redis;
  #topology = NOTHING;
  #links: readonly Link[] = [];
  readonly #doubtful = new Set<Link>();
  /** Number of times the cluster was asked. */
  #looks = 0;
  /** Number of the last time that found all unchanged. */
  #confirmedLook = 0;
  /** By slot, how often it had been asked when something was last published there. */
  readonly #publishedAfter = new Int32Array(SLOTS).fill(-1);
  #startedAt = performance.now();
  #replacedAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking = false;
  /** Something has spoken for a change while the cluster was being asked. */
  #lookAgain = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RedisOptions, hosts: readonly Host[], nodeId: string, listener: LinksListener) {
    this.#options = options;
    this.#nodeId = nodeId;
    this.#listener = listener;
    this.#nodes = new RoundRobinConnector(hosts);
    this.#guide = connectNode(options, this.#nodes);
    this.#guide.on('ready', () => this.#hasten());
    this.#guide.connect().catch(() => {});
    this.#lookIn(LOOK_MS);
  }

  of(channel: string): Link | undefined {
    return this.#links[this.#topology.owners[slotOf(channel)] as number];
  }

  publish(channel: string, frame: Buffer) {
    const slot = slotOf(channel);
    this.#publishedAfter[slot] = this.#looks;
    const link = this.#links[this.#topology.owners[slot] as number];
    if (link) link.publish(channel, frame);
    else this.#listener.lost(undefined);
  }

  all(): readonly Link[] {
    return this.#links;
  }

  heardAt(): number {
    return this.#links.length === 0 ? this.#startedAt : earliestHeard(this.#links);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const link of this.#links) link.close();
    this.#guide.disconnect();
  }

  #lookIn(ms: number) {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), ms).unref();
  }

  #hasten() {
    this.#lookAgain = this.#looking;
    if (!this.#looking) this.#lookIn(Math.max(0, this.#lookedAt + HASTY_LOOK_MS - performance.now()));
  }

  async #look() {
    this.#looking = true;
    this.#lookedAt = performance.now();
    const look = ++this.#looks;
    // A doubt raised from here on may be newer than the answer.
    const doubtful = [...this.#doubtful];
    this.#doubtful.clear();
    const views = await this.#askAll();
    this.#looking = false;
    if (this.#closed) return;

    const nextMs = this.#lookAgain ? HASTY_LOOK_MS : LOOK_MS;
    this.#lookAgain = false;
    try {
      this.#lookIn(this.#follow(views, look, doubtful) ?? nextMs);
    } catch (error) {
      this.#trouble(error);
      this.#lookIn(nextMs);
    }
  }

  /** @returns after how many ms to look again, where it is too soon for a change */
  #follow(views: readonly View[], look: number, doubtful: readonly Link[]): number | undefined {
    if (views.length === 0) {
      return this.#trouble(new Error('no node of the Redis Cluster answered which master has which slot'));
    }
    this.#nodes.learn(views.flatMap(({ nodes }) => nodes));
    const topology = settle(views);
    if (!sameTopology(topology, this.#topology)) {
      const waitMs = this.#replacedAt + LINKS_LAST_MS - performance.now();
      if (waitMs <= 0) return this.#replaceLinks(topology);
      // Opened again now they would be refused what has moved.
      for (const link of doubtful) this.#doubtful.add(link);
      return waitMs;
    }
    this.#confirmedLook = look;
    for (const link of doubtful) if (this.#links.includes(link)) link.reopenSubscriber();
    for (const link of this.#links) link.countSubscriptions();
    return;
  }

  #trouble(error: unknown): undefined {
    this.#listener.trouble(error instanceof Error ? error : new Error(String(error)));
  }

  async #askAll(): Promise<View[]> {
    const asked = [this.#guide, ...this.#links.map(({ publisher }) => publisher)].filter(
      ({ status }) => status === 'ready',
    );
    const answers = await Promise.all(
      asked.map((redis) =>
        within(
          ANSWER_MS,
          askForView(redis).catch((error) => this.#trouble(error)),
        ),
      ),
    );
    // One that is cut off from the others, or silent, is no guide.
    if (asked[0] === this.#guide && !answers[0]) breakConnection(this.#guide);
    return answers.filter((view) => view !== undefined);
  }

  #replaceLinks(topology: Topology): undefined {
    const heardAt = this.heardAt();
    const isFirst = this.#topology === NOTHING;
    const mayHaveLost = this.#hasPublishedToChanged(topology);
    for (const link of this.#links) link.close({ atOnce: true });
    this.#replacedAt = performance.now();
    this.#topology = topology;
    this.#links = topology.masters.map((host, at) => this.#open(host, at, heardAt, !isFirst));
    for (const channel of this.#listener.wanted()) this.of(channel)?.add(channel);
    if (!isFirst) this.#listener.replaced(mayHaveLost);
  }

  /** A master that is cut off takes broadcasts of slots that it has lost, and says nothing. */
  #hasPublishedToChanged(topology: Topology): boolean {
    const before = this.#topology;
    return this.#publishedAfter.some((look, slot) => look >= this.#confirmedLook && !sameOwner(before, topology, slot));
  }

  #open(host: Host, at: number, heardAt: number, missed: boolean): Link {
    const listener: LinkListener = {
      ...this.#listener,
      suspect: (link, what) => {
        if (what === 'subscriptions') this.#doubtful.add(link);
        this.#hasten();
      },
    };
    return new Link({
      commands: sharded,
      publisher: connectNode(this.#options, host, { pipelining: true }),
      subscriber: connectNode(this.#options, host),
      canaryChannel: this.#canaryChannelOf(at),
      heardAt,
      missed,
      listener,
    });
  }

  /** One whose slot belongs to this master, which has at least one. */
  #canaryChannelOf(master: number): string {
    for (let at = 0; ; at++) {
      const channel = canaryChannel(keyPrefix(this.#options.networkId), this.#nodeId, at);
      if (this.#topology.owners[slotOf(channel)] === master) return channel;
    }
  }
}
