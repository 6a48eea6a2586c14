import { type Hub, internalTopic, type Log, type Subscription } from '../../server/index.ts';
import type { LogEntry } from './entries.ts';
import type { Session } from './state.ts';

/** Something that an agent does while it works: for whoever is connected now, and in no log. */
export interface LiveEvent {
  readonly type: 'thinking' | 'tool_call' | 'tool_result';
  readonly execution_id?: string;
  readonly message?: string;
  readonly tool_name?: string;
  readonly description?: string;
  readonly arguments?: object;
  readonly result?: unknown;
  readonly call_id?: string;
}

/** A request that the user has to answer. */
export interface AskedRequest {
  readonly seq: number;
  readonly request_id: string;
  readonly amount_usdc: string;
  readonly action: string;
  readonly description: string;
  /** It is shown after so many ms. */
  readonly shown_in_ms: number;
}

/** News that nodes tell each other about a session. Any of it may get lost: the log is in the store. */
export type FeedItem =
  | { readonly type: 'entry'; readonly entry: LogEntry; readonly agent: Session['agent'] }
  | { readonly type: 'live'; readonly live: LiveEvent }
  | { readonly type: 'asked'; readonly request: AskedRequest }
  | { readonly type: 'agent_joined' }
  /** Stands behind all that was due on a connect: only between a connection and its reader. */
  | { readonly type: 'caught_up' }
  /** A socket of the user came or went. */
  | { readonly type: 'user_moved' }
  /** The agent did not come for this user message. */
  | { readonly type: 'agent_unavailable'; readonly seq: number; readonly execution_id: string };

export interface FeedListener {
  heard(item: FeedItem): void;
  /** Something may have been missed. */
  look(): void;
}

interface Feed {
  readonly listeners: Set<FeedListener>;
  readonly subscription: Subscription;
}

const topicOf = (sessionId: string) => internalTopic(`session:${sessionId}`);

/** Carries what happens in sessions between the nodes that have sockets of them. */
export class Feeds {
  readonly #hub: Hub;
  readonly #log: Log;
  readonly #feeds = new Map<string, Feed>();

  constructor(hub: Hub, log: Log) {
    this.#hub = hub;
    this.#log = log;
    hub.pubsub.onGap(() => this.lookAgain());
  }

  publish(sessionId: string, item: FeedItem): void {
    this.#hub.publish(topicOf(sessionId), { event: item.type, payload: JSON.stringify(item) });
  }

  /** Resolves when what is published from now on comes to the listener; to a stop. */
  async listen(sessionId: string, listener: FeedListener): Promise<() => void> {
    let feed = this.#feeds.get(sessionId);
    if (!feed) {
      const listeners = new Set<FeedListener>();
      const subscription = this.#hub.subscribe(topicOf(sessionId), ({ payload }) => {
        const item = JSON.parse(String(payload)) as FeedItem;
        for (const each of [...listeners]) this.#tell(each, item);
      });
      feed = { listeners, subscription };
      this.#feeds.set(sessionId, feed);
    }
    const { listeners, subscription } = feed;
    listeners.add(listener);
    const stop = () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      subscription.stop();
      if (this.#feeds.get(sessionId)?.listeners === listeners) this.#feeds.delete(sessionId);
    };
    try {
      await subscription.ready;
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }

  /** All listeners look at the store again. */
  lookAgain(): void {
    for (const { listeners } of this.#feeds.values()) for (const listener of [...listeners]) listener.look();
  }

  /** Tells the listeners of all sessions, on this node. */
  tellAll(item: FeedItem): void {
    for (const { listeners } of this.#feeds.values()) for (const listener of [...listeners]) this.#tell(listener, item);
  }

  /** One that fails must not keep the others from hearing. */
  #tell(listener: FeedListener, item: FeedItem): void {
    try {
      listener.heard(item);
    } catch (error) {
      this.#log.error({ err: error }, 'telling a socket of a session failed');
    }
  }
}
