import { type Entry, entryMaker, type Meta } from './entry.ts';
import type { EntryChange } from './group.ts';
import type { Presence, PresenceOptions, Tracked } from './presence.ts';
import type { TopicChangeTarget } from './topic_replica.ts';
import { TopicState } from './topic_state.ts';

interface TrackedTopic {
  readonly name: string;
  readonly state: TopicState;
  followers: number;
  /** Diffs in the order of their changes, where each change has its own. */
  readonly diffs: string[];
  scheduled: boolean;
  /** Runs while a diff was broadcast less than `diffIntervalMs` ago. */
  window: NodeJS.Timeout | undefined;
}

/** A channel as presence knows it: its entries, and whether it follows its topic. */
interface TrackedChannel {
  readonly entries: Map<string, Entry>;
  follows: boolean;
  ended: boolean;
}

const nothing: readonly Entry[] = [];

/** Knows which channel tracks what on this node, and tells the members of a topic of changes here and elsewhere. */
export class Tracker implements Presence, TopicChangeTarget {
  readonly #options: PresenceOptions;
  readonly #topics = new Map<string, TrackedTopic>();
  readonly #channels = new Map<Tracked, TrackedChannel>();
  readonly #listeners = new Map<string, Set<(key: string) => void>>();
  readonly #make = entryMaker();

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  follow(channel: Tracked): Promise<void> | undefined {
    const tracked = this.#tracked(channel);
    if (tracked.ended) return undefined;
    if (!tracked.follows) {
      tracked.follows = true;
      this.#topic(channel.topic).followers++;
    }
    return this.#options.replication?.follow(channel.topic, this);
  }

  track(channel: Tracked, key: string, meta: object): string {
    const tracked = this.#tracked(channel);
    if (tracked.entries.has(key)) throw new Error(`this channel of ${channel.topic} already tracks ${key}`);
    const entry = this.#make(key, meta);
    if (!tracked.ended) {
      tracked.entries.set(key, entry);
      this.#change(channel.topic, { joins: [entry], leaves: nothing });
    }
    return entry.ref;
  }

  update(channel: Tracked, key: string, meta: object): boolean {
    const tracked = this.#channels.get(channel);
    const former = tracked?.entries.get(key);
    if (!tracked || !former) return false;
    const entry = this.#make(key, meta, this.#knownRef(channel.topic, former));
    tracked.entries.set(key, entry);
    this.#change(channel.topic, { joins: [entry], leaves: [former] });
    return true;
  }

  untrack(channel: Tracked, key: string) {
    const entries = this.#channels.get(channel)?.entries;
    const entry = entries?.get(key);
    if (!entries?.delete(key) || !entry) return;
    this.#change(channel.topic, { joins: nothing, leaves: [entry] });
  }

  get(topic: string, key: string): readonly Meta[] {
    return (
      this.#topics
        .get(topic)
        ?.state.group(key)
        ?.entries.map(({ meta }) => meta) ?? []
    );
  }

  keys(topic: string): Iterable<string> {
    return this.#topics.get(topic)?.state.keys() ?? [];
  }

  listen(topic: string, listener: (key: string) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }

  state(topic: string): string {
    return this.#topics.get(topic)?.state.text ?? '{}';
  }

  async close() {
    for (const topic of this.#topics.values()) {
      this.#flush(topic);
      clearTimeout(topic.window);
      topic.window = undefined;
    }
    await this.#options.replication?.close();
  }

  /** The ref that an update's `phx_ref_prev` names: one that was never published is skipped, clients have not seen it. */
  #knownRef(topic: string, former: Entry): string {
    if (this.#options.diffIntervalMs === 0 || former.prev === undefined) return former.ref;
    return this.#topic(topic).state.wasPublished(former.key, former.ref) ? former.ref : former.prev;
  }

  #tracked(channel: Tracked): TrackedChannel {
    const known = this.#channels.get(channel);
    if (known) return known;
    const tracked: TrackedChannel = { entries: new Map(), follows: false, ended: false };
    this.#channels.set(channel, tracked);
    channel.onEnd(() => this.#end(channel, tracked));
    return tracked;
  }

  #end(channel: Tracked, tracked: TrackedChannel) {
    if (tracked.ended) return;
    tracked.ended = true;
    this.#channels.delete(channel);
    if (tracked.entries.size > 0)
      this.#change(channel.topic, { joins: nothing, leaves: [...tracked.entries.values()] });
    if (!tracked.follows) return;
    const topic = this.#topic(channel.topic);
    if (--topic.followers === 0) {
      const leaves = this.#options.replication?.unfollow(topic.name) ?? nothing;
      topic.state.applySilently({ joins: nothing, leaves });
    }
    this.#forgetIfIdle(topic);
  }

  #topic(name: string): TrackedTopic {
    let topic = this.#topics.get(name);
    if (!topic) {
      topic = { name, state: new TopicState(), followers: 0, diffs: [], scheduled: false, window: undefined };
      this.#topics.set(name, topic);
    }
    return topic;
  }

  #change(topic: string, change: EntryChange) {
    this.#options.replication?.record(topic, change);
    this.apply(topic, change);
  }

  /** Applies a change, here or on another node; its diff follows. */
  apply(name: string, change: EntryChange) {
    const topic = this.#topic(name);
    topic.state.apply(change);
    this.#tellListeners(name, change);
    if (this.#options.diffIntervalMs === 0) {
      const diff = topic.state.takeDiff();
      if (diff) topic.diffs.push(diff);
      this.#schedule(topic, queueMicrotask);
    } else if (!topic.window) {
      this.#schedule(topic, setImmediate);
    }
  }

  applySilently(topic: string, change: EntryChange) {
    this.#topic(topic).state.applySilently(change);
    this.#tellListeners(topic, change);
  }

  #tellListeners(topic: string, { joins, leaves }: EntryChange): void {
    const listeners = this.#listeners.get(topic);
    if (!listeners) return;
    const keys = new Set([...joins, ...leaves].map(({ key }) => key));
    for (const key of keys) for (const listener of listeners) listener(key);
  }

  #schedule(topic: TrackedTopic, later: (callback: () => void) => void) {
    if (topic.scheduled) return;
    topic.scheduled = true;
    later(() => this.#flush(topic));
  }

  #flush(topic: TrackedTopic) {
    topic.scheduled = false;
    const diff = topic.state.takeDiff();
    if (diff) topic.diffs.push(diff);
    for (const each of topic.diffs.splice(0)) this.#options.hub.broadcastLocal(topic.name, 'presence_diff', each);
    this.#options.replication?.flush(topic.name);
    if (diff) this.#openWindow(topic);
    else this.#forgetIfIdle(topic);
  }

  #openWindow(topic: TrackedTopic) {
    topic.window = setTimeout(() => {
      topic.window = undefined;
      if (topic.state.changed) this.#flush(topic);
      else this.#forgetIfIdle(topic);
    }, this.#options.diffIntervalMs).unref();
  }

  #forgetIfIdle(topic: TrackedTopic) {
    if (topic.followers > 0 || topic.scheduled || topic.window || topic.state.changed || !topic.state.empty) return;
    this.#topics.delete(topic.name);
  }
}

/** Presence on this node, and with a replication on all. */
export function createPresence(options: PresenceOptions): Presence {
  return new Tracker(options);
}
