import { type Hub, internalTopic, type Log, type Subscription } from '../../server/index.ts';
import type { Conversations } from './conversations.ts';
import { Ear, type Hearer, type News, type Told } from './ear.ts';
import { endEntry, type LogEntry } from './state.ts';
import { notificationOf } from './view.ts';

export type { Hearer } from './ear.ts';

const NEWS = internalTopic('conversations');

/** Brings word of conversations to the sockets of agents, on every node. */
export class Ears {
  readonly #hub: Hub;
  readonly #log: Log;
  readonly #conversations: Pick<Conversations, 'log' | 'read'>;
  readonly #ears = new Map<string, Ear>();
  readonly #subscription: Subscription;
  /** Reads under way: all ears of a conversation ask for the same. */
  readonly #reads = new Map<string, Promise<readonly LogEntry[]>>();
  /** Looking at conversations again, and that it is to be done once more. */
  #look: { isDueAgain: boolean } | undefined;
  #isClosed = false;

  constructor(hub: Hub, conversations: Pick<Conversations, 'log' | 'read'>, log: Log) {
    this.#hub = hub;
    this.#log = log;
    this.#conversations = conversations;
    this.#subscription = hub.subscribe(NEWS, ({ payload }) => this.#hear(JSON.parse(String(payload)) as News));
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
      const read = (news: News, from: number, limit: number) => this.#read(news, from, limit);
      ear = new Ear({ agentId, sinceMs: nowMs, read, log: this.#log });
      this.#ears.set(agentId, ear);
    }
    const { listeners } = ear;
    listeners.add(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      if (this.#ears.get(agentId)?.listeners === listeners) this.#ears.delete(agentId);
    };
  }

  /**
   * Looks at the logs of all conversations that agents have heard of on this node and are in: another node has gone, and may
   * have stored what it never told. One after the other, so that it costs calls little.
   */
  async lookAgain(): Promise<void> {
    if (this.#look) {
      this.#look.isDueAgain = true;
      return;
    }
    const look = { isDueAgain: true };
    this.#look = look;
    try {
      while (look.isDueAgain) {
        look.isDueAgain = false;
        const known = new Map([...this.#ears.values()].flatMap((ear) => [...ear.conversations()]));
        for (const [id, taskId] of known) if (!this.#isClosed) await this.#lookAt(id, taskId);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'looking at conversations again failed');
    } finally {
      this.#look = undefined;
    }
  }

  async #lookAt(id: string, taskId: string): Promise<void> {
    const state = await this.#conversations.read(taskId, id);
    const conversation = state?.conversations.get(id);
    if (!conversation) return;
    const { name, lastSeq: upTo } = conversation;
    const to = (state?.participants.get(id) ?? []).map((each) => each.id);
    const gone = [...this.#ears].flatMap(([agentId, ear]) =>
      ear.mayBeIn(id) && !to.includes(agentId) ? [agentId] : [],
    );
    this.#hear({ taskId, id, name, upTo, to, gone });
    const entry = state && endEntry(conversation, state.task, upTo);
    if (entry) this.#hear({ taskId, id, name, entry, to });
  }

  close(): void {
    this.#isClosed = true;
    this.#subscription.stop();
  }

  #hear(news: News): void {
    let told: Told | undefined;
    for (const agentId of [...news.to, ...(news.gone ?? [])]) {
      const ear = this.#ears.get(agentId);
      if (!ear) continue;
      told ??= toldOf(news);
      ear.hear(told);
    }
  }

  #read({ taskId, id }: News, from: number, limit: number): Promise<readonly LogEntry[]> {
    const key = `${id}:${from}:${limit}`;
    const known = this.#reads.get(key);
    if (known) return known;
    const reading = this.#conversations.log(taskId, id).entries(from, limit);
    this.#reads.set(key, reading);
    const forget = () => void this.#reads.delete(key);
    reading.then(forget, forget);
    return reading;
  }
}

function toldOf(news: News): Told {
  const { taskId, id, entry, name } = news;
  return { news, notification: entry && notificationOf(taskId, id, entry, name) };
}
