import type { SeenAgent } from '../../channels/observation/scene.ts';
import type { Message, Roster } from './message.ts';
import { hiddenMessage, registeredMessages } from './messages.ts';
import { lastOfEach, Moment, type Records, type Stage } from './moment.ts';

/** Moments that wait unmerged. */
const MAX_MOMENTS = 16;

/**
 * Records that a slow socket has not got yet: of each agent the newest. As long as one moment has all that is new, it waits as it is, so
 * that sockets which are slow together share its frames.
 */
export class PendingRecords {
  readonly #stage: Stage;
  /** Oldest first. */
  #waiting: Records[] = [];
  /** Agents that are in none of them any more. */
  readonly #gone = new Set<number>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** False also if all of them have gone. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(moment: Moment): void {
    if (!moment.hasRecords(this.#stage)) return;
    // Those that have gone and are back in this moment are not to be looked for in older ones.
    if (this.#gone.size > 0) this.#merge();
    this.#waiting = this.#waiting.filter((older) => !(older instanceof Moment && moment.covers(older, this.#stage)));
    this.#waiting.push(moment);
    if (this.#waiting.length > MAX_MOMENTS) this.#merge();
  }

  delete(wireId: number): void {
    if (!this.isEmpty) this.#gone.add(wireId);
  }

  clear(): void {
    this.#waiting = [];
    this.#gone.clear();
  }

  /** Takes them. @returns a moment, if they are its own */
  take(): Moment | Records {
    if (this.#waiting.length > 1 || this.#gone.size > 0) this.#merge();
    const [records = NO_RECORDS] = this.#waiting;
    this.clear();
    return records;
  }

  #merge(): void {
    const isThere = ({ wireId }: { readonly wireId: number }) => !this.#gone.has(wireId);
    const newest = <R extends { readonly wireId: number }>(of: (records: Records) => readonly R[]) =>
      lastOfEach(this.#waiting.flatMap(of).filter(isThere));
    const merged = {
      states: newest(({ states }) => states),
      places: newest(({ places }) => places),
      performances: newest(({ performances }) => performances),
    };
    this.clear();
    if (merged.states.length + merged.places.length + merged.performances.length > 0) this.#waiting.push(merged);
  }
}

const NO_RECORDS: Records = { states: [], places: [], performances: [] };

/** What a slow socket has to be told of one agent, oldest first: that it came, that it went, that it is back. */
interface Steps {
  readonly wireId: number;
  came?: { readonly agent: SeenAgent; readonly atMs: number };
  wentAtMs?: number;
  back?: { readonly agent: SeenAgent; readonly atMs: number };
}

/** Agents that have come into sight or gone out of it, of which a slow socket has not been told: it is told of all. */
export class PendingRoster {
  readonly #agents = new Map<string, Steps>();

  get isEmpty(): boolean {
    return this.#agents.size === 0;
  }

  add(roster: Roster, atMs: number): void {
    if ('registered' in roster) {
      for (const agent of roster.registered) {
        const steps = this.#stepsOf(agent);
        if (steps.wentAtMs === undefined) steps.came = { agent, atMs };
        else steps.back = { agent, atMs };
      }
    } else {
      const steps = this.#stepsOf(roster.hidden);
      // The one that came is told before it goes: the client may not know it, and is told of nothing that it does not know.
      steps.wentAtMs = atMs;
      delete steps.back;
    }
  }

  clear(): void {
    this.#agents.clear();
  }

  /** Messages that tell it. */
  take(): Message[] {
    const all = [...this.#agents];
    this.clear();
    const hidden = all.flatMap(([agentId, { wireId, wentAtMs }]) =>
      wentAtMs === undefined ? [] : [hiddenMessage(agentId, wireId, wentAtMs)],
    );
    const came = all.flatMap(([, { came: one }]) => one ?? []);
    const back = all.flatMap(([, { back: one }]) => one ?? []);
    return [...registered(came), ...hidden, ...registered(back)];
  }

  #stepsOf({ agentId, wireId }: { readonly agentId: string; readonly wireId: number }): Steps {
    const known = this.#agents.get(agentId);
    if (known) return known;
    const steps = { wireId };
    this.#agents.set(agentId, steps);
    return steps;
  }
}

/** Those that came at one time together. */
function registered(all: readonly { readonly agent: SeenAgent; readonly atMs: number }[]): Message[] {
  const byTime = new Map<number, SeenAgent[]>();
  for (const { agent, atMs } of all) {
    const together = byTime.get(atMs);
    if (together) together.push(agent);
    else byTime.set(atMs, [agent]);
  }
  return [...byTime].flatMap(([atMs, together]) => registeredMessages(together, atMs));
}
