import { windowOf } from '../analytics/periods.ts';
import type { Queries } from '../analytics/queries.ts';
import { agentScope } from '../analytics/scope.ts';
import type { Vitals } from '../control/port.ts';
import { inTurn } from '../kernel/in_turn.ts';
import { isSamePerformance, type Momentary, nothingWorked, performanceOf, type Worked } from './performance.ts';
import type { Performance } from './scene.ts';

export interface PerformancesOptions {
  readonly queries: Pick<Queries, 'sum'>;
  /** Absent: nothing is known of machines. */
  readonly vitals: Vitals | undefined;
  readonly nowMs: () => number;
  /** `undefined`: it is not shown. */
  readonly momentaryOf: (agentId: string) => Omit<Momentary, 'vitals'> | undefined;
  readonly toldOf: (agentId: string) => Performance | undefined;
  readonly online: () => Iterable<string>;
  readonly onChange: (agentId: string, performance: Performance, isTold: boolean) => void;
  readonly onError: (error: unknown) => void;
}

const ROUND_MS = 500;
/** An agent's figures are told once in this time. */
const TELL_MS = 5_000;
/** As time passes what was long ago leaves the window: figures in which there is something are read again. */
const STALE_MS = 60_000;
/** Agents whose figures are read in a round, and at a time. */
const MAX_READ = 200;
const AT_A_TIME = 16;

interface Known {
  worked: Worked;
  readAtMs: number;
  toldAtMs: number;
}

/** The figures of agents, as they are shown: worked out anew where something has changed, and told at most every five seconds. */
export class Performances {
  readonly #options: PerformancesOptions;
  readonly #known = new Map<string, Known>();
  /** By agent: whether its figures are to be read. */
  readonly #dirty = new Map<string, boolean>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;

  constructor(options: PerformancesOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#timer = setInterval(() => {
      this.#round ??= this.round()
        .catch(this.#options.onError)
        .finally(() => {
          this.#round = undefined;
        });
    }, ROUND_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Something has changed. @param areRead false: its figures are to be read as well */
  changed(agentId: string, areRead: boolean): void {
    this.#dirty.set(agentId, (this.#dirty.get(agentId) ?? false) || !areRead);
  }

  /** Works out all of these, for the beginning: nothing is told. */
  async readAll(agentIds: readonly string[]): Promise<void> {
    await this.#readFigures(agentIds);
    await this.#tell([...this.#dirty.keys()], false);
    this.#dirty.clear();
  }

  async round(): Promise<void> {
    const nowMs = Date.now();
    for (const [id, { readAtMs, worked }] of this.#known) {
      if (nowMs - readAtMs > STALE_MS && worked !== nothingWorked) this.changed(id, false);
    }
    if (this.#options.vitals) for (const id of this.#options.online()) this.changed(id, true);
    const due = [...this.#dirty]
      .filter(([id]) => nowMs - (this.#known.get(id)?.toldAtMs ?? 0) >= TELL_MS)
      .slice(0, MAX_READ);
    for (const [id] of due) this.#dirty.delete(id);
    await this.#readFigures(due.filter(([, isToRead]) => isToRead).map(([id]) => id));
    await this.#tell(
      due.map(([id]) => id),
      true,
    );
  }

  async #readFigures(agentIds: readonly string[]): Promise<void> {
    const { queries, nowMs } = this.#options;
    await inTurn(
      agentIds.map((id) => async () => {
        const scope = [agentScope(id)];
        const [hour, day] = await Promise.all([
          queries.sum(scope, windowOf('1h', nowMs())),
          queries.sum(scope, windowOf('24h', nowMs())),
        ]);
        const isNothing = Object.keys(day.counts).length === 0;
        const { toldAtMs = 0 } = this.#known.get(id) ?? {};
        this.#known.set(id, { worked: isNothing ? nothingWorked : { hour, day }, readAtMs: Date.now(), toldAtMs });
      }),
      AT_A_TIME,
    );
  }

  async #tell(agentIds: readonly string[], isTold: boolean): Promise<void> {
    const { vitals, momentaryOf, toldOf, onChange } = this.#options;
    const said = await vitals?.of(agentIds);
    for (const id of agentIds) {
      const momentary = momentaryOf(id);
      if (!momentary) continue;
      const known = this.#known.get(id) ?? { worked: nothingWorked, readAtMs: Date.now(), toldAtMs: 0 };
      const performance = performanceOf(known.worked, { ...momentary, vitals: said?.get(id) }, Date.now());
      if (isSamePerformance(toldOf(id) ?? null, performance)) continue;
      this.#known.set(id, { ...known, toldAtMs: isTold ? Date.now() : known.toldAtMs });
      onChange(id, performance, isTold);
    }
  }
}
