import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { keyOf } from './caller.ts';

/** Requests without an outcome that one principal may have. */
export const MAX_OPEN = 100;
/** A place taken so long ago whose request is not there was left by a node that died. */
const LOST_MS = 60_000;

/** When each place was taken, by the key of its request. */
type Places = Readonly<Record<string, number>>;

type PlaceCommand =
  | { readonly type: 'take'; readonly key: string }
  | { readonly type: 'give_up'; readonly keys: readonly string[] };

const placesType: AggregateType<Places, PlaceCommand, never> = {
  kind: 'control_principal',
  parse: ({ open = '{}' }) => JSON.parse(open) as Places,
  change: (after) => ({ fields: { open: JSON.stringify(after) } }),
  decide(before = {}, command, nowMs) {
    if (command.type === 'give_up') {
      const given = new Set(command.keys.filter((key) => Object.hasOwn(before, key)));
      if (given.size === 0) return ok({ state: before, events: [] });
      const left = Object.entries(before).filter(([key]) => !given.has(key));
      return ok({ state: Object.fromEntries(left), events: [] });
    }
    if (Object.hasOwn(before, command.key)) return ok({ state: before, events: [] });
    if (Object.keys(before).length >= MAX_OPEN) return refuse('rate_limited');
    return ok({ state: { ...before, [command.key]: nowMs }, events: [] });
  },
};

export interface OpenRequestsOptions {
  readonly store: Store;
  /** Tells of requests whether they have an outcome; undefined for one that was not handed over. */
  readonly haveEnded: (keys: readonly string[]) => Promise<readonly (boolean | undefined)[]>;
}

/** Bounds how many open requests a principal has, exactly, over all nodes. */
export class OpenRequests {
  readonly #options: OpenRequestsOptions;
  readonly #places: Aggregates<Places, PlaceCommand, never>;

  constructor(options: OpenRequestsOptions) {
    this.#options = options;
    this.#places = new Aggregates(options.store, placesType);
  }

  /** True if there is a place for one more, or this request has one. Takes none. */
  async hasRoom(by: string, key: string): Promise<boolean> {
    const places = (await this.#places.read(keyOf(by))) ?? {};
    if (Object.hasOwn(places, key) || Object.keys(places).length < MAX_OPEN) return true;
    return this.#giveUpLost(by, places);
  }

  /** Takes a place for a request; one that has it keeps it. */
  async take(by: string, key: string): Promise<{ readonly ok: true } | Refusal> {
    return this.#places.apply(keyOf(by), { type: 'take', key });
  }

  /** Twice is fine. */
  async giveUp(by: string, key: string): Promise<void> {
    await this.#places.apply(keyOf(by), { type: 'give_up', keys: [key] });
  }

  /** Gives up the places of requests that have ended, and those that nobody has. @returns whether there were some */
  async #giveUpLost(by: string, places: Places): Promise<boolean> {
    const { store, haveEnded } = this.#options;
    const keys = Object.keys(places);
    const [ended, nowMs] = await Promise.all([haveEnded(keys), store.nowMs()]);
    const lost = keys.filter((key, at) => ended[at] ?? (places[key] ?? nowMs) < nowMs - LOST_MS);
    if (lost.length === 0) return false;
    await this.#places.apply(keyOf(by), { type: 'give_up', keys: lost });
    return true;
  }
}
