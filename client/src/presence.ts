import { Presence } from 'phoenix';
import type { Topic } from './topic.ts';
import { Wake } from './wake.ts';
import type { PresenceEntry } from './wire.ts';

export interface PresenceChange {
  readonly joined: readonly PresenceEntry[];
  /** As they were last seen. */
  readonly left: readonly PresenceEntry[];
}

interface Meta {
  readonly name: string;
  readonly status: PresenceEntry['status'];
  readonly capabilities: readonly string[];
  readonly metadata: PresenceEntry['metadata'];
  readonly online_at: string;
}
type Metas = Readonly<Record<string, { readonly metas: readonly Meta[] } | undefined>>;

function entryOf(id: string, meta: Meta): PresenceEntry {
  const { name, status, capabilities, metadata, online_at: onlineAt } = meta;
  return { id, name, status, capabilities, metadata, onlineAt };
}

/** Who is there: Phoenix Presence, by the official client's own rules. */
export class Presences {
  readonly #wake = new Wake();
  readonly #closed: AbortSignal;
  #metas: Metas = {};
  #present = new Map<string, PresenceEntry>();

  constructor(topic: Topic, closed: AbortSignal) {
    this.#closed = closed;
    topic.on<object>('presence_state', (state) => this.#become(Presence.syncState(this.#metas, state)));
    topic.on<{ joins: object; leaves: object }>('presence_diff', (diff) =>
      this.#become(Presence.syncDiff(this.#metas, diff)),
    );
  }

  /** Who is there now, as far as this agent has heard. */
  list(): readonly PresenceEntry[] {
    return [...this.#present.values()];
  }

  /**
   * Who comes and goes, beginning with those who are there. Whoever is slow gets what has changed since, in one: who came and went
   * meanwhile is left out. Ends when the agent is closed.
   */
  async *changes(): AsyncGenerator<PresenceChange> {
    let known = new Map<string, PresenceEntry>();
    while (!this.#closed.aborted) {
      const present = this.#present;
      const joined = [...present].filter(([id]) => !known.has(id)).map(([, entry]) => entry);
      const left = [...known].filter(([id]) => !present.has(id)).map(([, entry]) => entry);
      known = present;
      if (joined.length > 0 || left.length > 0) yield { joined, left };
      else await this.#wake.next(this.#closed).catch(() => {});
    }
  }

  #become(metas: Metas): void {
    this.#metas = metas;
    this.#present = new Map();
    for (const [id, presence] of Object.entries(metas)) {
      const meta = presence?.metas[0];
      if (meta) this.#present.set(id, entryOf(id, meta));
    }
    this.#wake.wake();
  }
}
