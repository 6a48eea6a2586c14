import { Presence as PhoenixPresence } from 'phoenix';
import type { Tracked } from '../../presence/index.ts';

export interface PresenceDiff {
  readonly joins: Metas;
  readonly leaves: Metas;
}
export type Metas = Record<string, { metas: { phx_ref: string; phx_ref_prev?: string; [field: string]: unknown }[] }>;

/** A channel as presence sees it. */
export class TestChannel implements Tracked {
  readonly topic: string;
  readonly #listeners: (() => void)[] = [];
  ended = false;

  constructor(topic: string) {
    this.topic = topic;
  }

  onEnd(listener: () => void) {
    if (this.ended) listener();
    else this.#listeners.push(listener);
  }

  end() {
    if (this.ended) return;
    this.ended = true;
    for (const listener of this.#listeners) listener();
  }
}

/** A member with the official client's presence logic: one state, then all diffs. */
export class PresenceClient {
  #state: object;
  readonly seen: PresenceDiff[] = [];

  constructor(stateJson: string) {
    this.#state = PhoenixPresence.syncState({}, JSON.parse(stateJson));
  }

  diff(payloadJson: string) {
    this.seen.push(JSON.parse(payloadJson));
    this.#state = PhoenixPresence.syncDiff(this.#state, JSON.parse(payloadJson));
  }

  /** The metas of each key, both in one order. */
  get metas(): [string, string[]][] {
    return sorted(Object.entries(this.#state as Metas).map(([key, { metas }]) => [key, metas]));
  }
}

export const sorted = (metas: readonly (readonly [string, readonly unknown[]])[]): [string, string[]][] =>
  metas
    .map(([key, each]): [string, string[]] => [key, each.map((meta) => JSON.stringify(meta)).sort()])
    .sort(([a], [b]) => (a < b ? -1 : 1));
