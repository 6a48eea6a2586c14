import { type Hub, internalTopic, type Log, type Subscription } from '../../server/index.ts';
import type { Conversations } from './conversations.ts';
import type { LogEntry } from './state.ts';
import { type Notification, notificationOf } from './view.ts';

/** One who listens for an agent: a socket. */
export interface Hearer {
  notify(notification: Notification): void;
  /** Notifications may have been lost. Left out: the listener ends by itself when nodes lose each other, as channels do. */
  missed?(): void;
}

/** Word of an entry to all nodes. */
interface News {
  readonly taskId: string;
  readonly id: string;
  readonly entry: LogEntry;
  readonly name: string | null;
  /** Participants that hear of it, and of a message its sender, who has it. */
  readonly to: readonly string[];
}

const NEWS = internalTopic('conversations');
const PAGE = 256;
/** So far back is looked for what an agent may have missed of a conversation in which it is not known to have been. */
const MAX_BLIND = 4_096;

type ReadBetween = (news: News, fromSeq: number, toSeq: number) => Promise<readonly LogEntry[]>;

/** One conversation as an agent has heard it on this node. */
interface Heard {
  lastSeq: number;
  /** The agent was in it behind that entry. */
  isIn: boolean;
  /** News that wait while what came before them is read. */
  queue: News[];
  isReading: boolean;
}

/** The ear of one agent on this node: brings each conversation's entries to its sockets in the order of the log. */
class Ear {
  readonly listeners = new Set<Hearer>();
  readonly #conversations = new Map<string, Heard>();
  readonly #agentId: string;
  readonly #read: ReadBetween;
  readonly #sinceMs: number;
  readonly #log: Log;

  constructor(agentId: string, sinceMs: number, read: ReadBetween, log: Log) {
    this.#agentId = agentId;
    this.#sinceMs = sinceMs;
    this.#read = read;
    this.#log = log;
  }

  hear(news: News): void {
    let heard = this.#conversations.get(news.id);
    if (!heard) {
      heard = { lastSeq: -1, isIn: false, queue: [], isReading: false };
      this.#conversations.set(news.id, heard);
    }
    heard.queue.push(news);
    if (!heard.isReading) void this.#work(heard);
  }

  missed(): void {
    for (const listener of [...this.listeners]) listener.missed?.();
  }

  async #work(heard: Heard): Promise<void> {
    heard.isReading = true;
    try {
      for (let news = heard.queue.shift(); news; news = heard.queue.shift()) {
        const { seq } = news.entry;
        if (seq <= heard.lastSeq) continue;
        // Some may have been lost, or come later; of the first of it on this node, since the agent came.
        if (seq > heard.lastSeq + 1) await this.#fill(heard, news);
        this.#tell(news);
        heard.lastSeq = seq;
        heard.isIn = !isRemoval(news.entry, this.#agentId);
      }
    } catch (error) {
      this.#log.warn({ err: error, agent: this.#agentId }, 'reading missed entries of a conversation failed');
      this.missed();
    } finally {
      heard.isReading = false;
    }
  }

  async #fill(heard: Heard, news: News): Promise<void> {
    const { seq } = news.entry;
    const isFirst = heard.lastSeq < 0;
    // The end of a task stands between two seqs.
    const next = Math.floor(heard.lastSeq) + 1;
    const fromSeq = isFirst || !heard.isIn ? Math.max(1, next, Math.ceil(seq) - MAX_BLIND) : next;
    if (fromSeq >= seq) return;
    const missed = await this.#read(news, fromSeq, Math.ceil(seq) - 1);
    for (const entry of heardOf(missed, news.entry, this.#agentId)) {
      if (!isFirst || entry.atMs >= this.#sinceMs) this.#tell({ ...news, entry });
    }
  }

  #tell({ taskId, id, entry, name }: News): void {
    if (entry.kind === 'message' && entry.senderId === this.#agentId) return;
    const notification = notificationOf(taskId, id, entry, name);
    for (const listener of [...this.listeners]) listener.notify(notification);
  }
}

const isRemoval = (entry: LogEntry, agentId: string) => entry.kind === 'removed' && entry.agentId === agentId;
const isArrival = (entry: LogEntry, agentId: string) =>
  (entry.kind === 'added' && entry.agentId === agentId) ||
  (entry.kind === 'created' && entry.participants.includes(agentId));

/** Those entries that an agent hears of, told backwards from a later one that it hears of. */
function heardOf(entries: readonly LogEntry[], later: LogEntry, agentId: string): LogEntry[] {
  let isIn = !isArrival(later, agentId);
  const heard: LogEntry[] = [];
  for (const entry of entries.toReversed()) {
    const comes = isArrival(entry, agentId);
    const goes = isRemoval(entry, agentId);
    if (isIn || goes) heard.push(entry);
    if (comes) isIn = false;
    if (goes) isIn = true;
  }
  return heard.reverse();
}

/** Brings word of conversations to the sockets of agents, on every node. */
export class Ears {
  readonly #hub: Hub;
  readonly #log: Log;
  readonly #conversations: Pick<Conversations, 'log' | 'read'>;
  readonly #ears = new Map<string, Ear>();
  readonly #subscription: Subscription;

  constructor(hub: Hub, conversations: Pick<Conversations, 'log' | 'read'>, log: Log) {
    this.#hub = hub;
    this.#log = log;
    this.#conversations = conversations;
    this.#subscription = hub.subscribe(NEWS, ({ payload }) => {
      const news = JSON.parse(String(payload)) as News;
      for (const agentId of news.to) this.#ears.get(agentId)?.hear(news);
    });
    this.#subscription.ready?.catch(() => {});
    hub.pubsub.onGap(() => {
      for (const ear of this.#ears.values()) ear.missed();
    });
  }

  publish(news: News): void {
    this.#hub.publish(NEWS, { event: 'logged', payload: JSON.stringify(news) });
  }

  /** @param nowMs by the store's clock. @returns a stop */
  async listen(agentId: string, listener: Hearer, nowMs: number): Promise<() => void> {
    await this.ready();
    return this.listenNow(agentId, listener, nowMs);
  }

  /** Resolves when word of other nodes arrives too. */
  async ready(): Promise<void> {
    await this.#subscription.ready;
  }

  /** As `listen`, once `ready` has resolved: from this very moment on. */
  listenNow(agentId: string, listener: Hearer, nowMs: number): () => void {
    let ear = this.#ears.get(agentId);
    if (!ear) {
      ear = new Ear(agentId, nowMs, (news, from, to) => this.#between(news, from, to), this.#log);
      this.#ears.set(agentId, ear);
    }
    const { listeners } = ear;
    listeners.add(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      if (this.#ears.get(agentId)?.listeners === listeners) this.#ears.delete(agentId);
    };
  }

  close(): void {
    this.#subscription.stop();
  }

  async #between({ taskId, id }: News, fromSeq: number, toSeq: number): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for (let from = fromSeq; from <= toSeq; ) {
      const page = await this.#conversations.log(taskId, id).entries(from, Math.min(PAGE, toSeq - from + 1));
      entries.push(...page);
      const last = page.at(-1);
      if (!last) break;
      from = last.seq + 1;
    }
    return entries.filter(({ seq }) => seq <= toSeq);
  }
}
