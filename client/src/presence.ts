import { Presence } from 'phoenix';
import type { Abortable } from './abort.ts';
import type { Topic } from './topic.ts';
import { Wake } from './wake.ts';
import type { PresenceEntry } from './wire.ts';

export interface PresenceChange {
  readonly joined: readonly PresenceEntry[];
  /** As they were last seen. */
  readonly left: readonly PresenceEntry[];
}

interface Meta extends Omit<PresenceEntry, 'id' | 'onlineAt'> {
  readonly online_at: string;
}

function entryOf(id: string, meta: Meta): PresenceEntry {
  const { name, status, capabilities, metadata, online_at: onlineAt } = meta;
  return { id, name, status, capabilities, metadata, onlineAt };
}

const without = (some: ReadonlyMap<string, PresenceEntry>, others: ReadonlyMap<string, PresenceEntry>) =>
  [...some.values()].filter(({ id }) => !others.has(id));

/** Who is there: Phoenix Presence, by the official client's own rules. */
export class Presences {
  readonly #wake: Wake;
  #present: ReadonlyMap<string, PresenceEntry> = new Map();

  constructor(topic: Topic, closed: AbortSignal) {
    this.#wake = new Wake(closed);
    const presence = new Presence(topic.channel);
    presence.onSync(() => {
      this.#present = new Map(presence.list((id, { metas: [meta] }: { metas: [Meta] }) => [id, entryOf(id, meta)]));
      this.#wake.wake();
    });
  }

  /** Who is there now, as far as this agent has heard. */
  list(): readonly PresenceEntry[] {
    return [...this.#present.values()];
  }

  /**
   * Who comes and goes, beginning with those who are there. Whoever is slow gets what has changed since, in one: who came and went
   * meanwhile is left out. Ends when the agent is closed.
   */
  changes({ signal }: Abortable = {}): AsyncGenerator<PresenceChange> {
    let known: ReadonlyMap<string, PresenceEntry> = new Map();
    const find = () => {
      const before = known;
      known = this.#present;
      const [joined, left] = [without(known, before), without(before, known)];
      return joined.length + left.length > 0 ? { joined, left } : undefined;
    };
    return this.#wake.each(find, signal);
  }
}
