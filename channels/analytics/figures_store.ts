import type { Change, Store, StreamChange } from '../../server/store/index.ts';
import { untilDone } from '../kernel/attempts.ts';
import { type Alert, OFFLINE, raised } from './alerts.ts';
import {
  BUCKET_MS,
  BUCKET_STREAMS,
  type BucketStream,
  DAY_MS,
  HOUR_MS,
  HOURS_PER_DAY,
  hourOfMinute,
  RETENTION,
  SEEN,
} from './buckets.ts';
import { type Figures, parseFigures } from './figures.ts';
import { type Folded, fold, type LocatedFact } from './fold.ts';
import { type Head, newHead } from './head.ts';
import { type Buckets, needed, roll, type Span } from './roll.ts';
import { aggregateOf, type Scope } from './scope.ts';

/** Agents with running tasks, by since when they were seen absent; those that are present, and those told of, apart. */
export const RUNNING_INDEX = 'analytics_running';
export const PRESENT = 'present';
export const TOLD = 'told';

/** After a task has ended, and at least this long after the look before. */
const LOOK_AFTER_MS = 500;
const LOOK_EVERY_MS = 5_000;
/** Interval at which alerts that end with time are checked. */
const LOOK_AT_ALERT_MS = 10_000;
/** So that not all scopes close their hours in the same moment. */
const SPREAD_MS = 10 * 60_000;
const MAX_TRIMMED = 1_000;

interface Decided {
  readonly after: Head;
  readonly change: Change;
  readonly raised: readonly Alert[];
  readonly over: readonly Alert[];
}

type ScopeStore = Pick<Store, 'read' | 'range' | 'commit'>;

/** Told once of each alert, unless this node dies in the moment after it was kept. */
export interface AlertListener {
  began(agentId: string, alert: Alert): void;
  /** @param atMs the store's clock */
  ended(agentId: string, alert: Alert, atMs: number): void;
}

const NOTHING_TOLD = { began: [], ended: [], nowMs: 0 } as const;

/** Keeps the figures of scopes. Every method may be called by several nodes at once, and again. */
export class FiguresStore {
  readonly #store: ScopeStore;
  readonly #alerts: AlertListener;

  constructor(store: ScopeStore, alerts: AlertListener) {
    this.#store = store;
    this.#alerts = alerts;
  }

  async read(scope: Scope): Promise<{ readonly head: Head | undefined; readonly nowMs: number }> {
    const { fields, nowMs } = await this.#store.read(aggregateOf(scope), ['head']);
    return { head: parseHead(fields.head), nowMs };
  }

  /** Counts the facts that are not counted yet. @param facts all of a stretch of the log that concern the scope */
  async count(scope: Scope, facts: readonly LocatedFact[]): Promise<void> {
    await this.#change(scope, async (before, nowMs) => {
      const folded = fold(scope, before, facts, nowMs);
      if (!folded) return undefined;
      const hours = [...[...folded.minutes.keys()].map(hourOfMinute), ...folded.seen.keys()];
      const first = before?.openHour ?? Math.min(...hours, hourOf(nowMs));
      const nextHour = Math.max(first, ...hours);
      const lookSoon = folded.hasEndedTasks
        ? Math.max(nowMs + LOOK_AFTER_MS, folded.head.lookedAtMs + LOOK_EVERY_MS)
        : Number.POSITIVE_INFINITY;
      const lookAtMs = Math.min(folded.head.lookAtMs ?? closingMs(scope, nextHour), lookSoon);
      const lastHour = Math.max(folded.head.lastHour, ...hours);
      const head = { ...folded.head, openHour: first, lastHour, lookAtMs };
      return {
        ...(await this.#advance(scope, { ...folded, head }, nextHour)),
        raised: folded.raised,
        over: folded.over,
      };
    });
  }

  /**
   * Closes the hours that are over, forgets what is too old, and keeps what a look at the figures has shown.
   *
   * @param decide the alerts from now on
   */
  async look(scope: Scope, decide: (alerts: Head['alerts'], nowMs: number) => Promise<Head['alerts']>): Promise<void> {
    await this.#change(scope, async (before, nowMs) => {
      if (!before) return undefined;
      const alerts = await decide(before.alerts, nowMs);
      const nextHour = Math.max(before.openHour, hourOf(nowMs));
      const isEmpty = nextHour > before.lastHour + RETENTION.days.hours + HOURS_PER_DAY;
      const hasTimed = Object.keys(alerts).some((key) => key.startsWith('task_'));
      const closeAtMs = nextHour > before.openHour ? nowMs + DAY_MS : closingMs(scope, nextHour);
      const lookAtMs = hasTimed ? nowMs + LOOK_AT_ALERT_MS : isEmpty ? null : closeAtMs;
      const head = { ...before, alerts, lookedAtMs: nowMs, lookAtMs };
      const advanced = await this.#advance(scope, { head, minutes: new Map(), seen: new Map() }, nextHour);
      return { ...advanced, ...turnedOf(before.alerts, alerts) };
    });
  }

  /** @param decide the head from now on; the same one: nothing changes */
  async update(scope: Scope, decide: (head: Head, nowMs: number) => Head): Promise<void> {
    await this.#change(scope, async (before, nowMs) => {
      const after = before && decide(before, nowMs);
      if (!after || after === before) return undefined;
      return { after, change: {}, ...turnedOf(before.alerts, after.alerts) };
    });
  }

  async #advance(scope: Scope, { head, minutes, seen }: Pick<Folded, 'head' | 'minutes' | 'seen'>, nextHour: number) {
    const { openHour } = head;
    const spans = needed(minutes, openHour, nextHour);
    const [known, seenEntries, stale] = await Promise.all([
      Promise.all(BUCKET_STREAMS.map((stream) => this.#buckets(scope, stream, spans[stream]))),
      this.#seenWith(scope, seen),
      nextHour > openHour ? this.#stale(scope, nextHour) : [],
    ]);
    const [minuteBuckets = new Map(), hourBuckets = new Map(), dayBuckets = new Map()] = known;
    const rolled = roll({ minutes: minuteBuckets, hours: hourBuckets, days: dayBuckets }, minutes, openHour, nextHour);
    const revision = head.revision + (rolled.changesClosed ? 1 : 0);
    const entries = [...rolled.entries, ...seenEntries, ...stale];
    return { after: { ...head, openHour: nextHour, revision }, change: { ...(entries.length > 0 && { entries }) } };
  }

  async #change(
    scope: Scope,
    decide: (before: Head | undefined, nowMs: number) => Promise<Decided | undefined>,
  ): Promise<void> {
    const aggregate = aggregateOf(scope);
    const told = await untilDone(`figures of ${scope.id}`, async () => {
      const { version, fields, nowMs } = await this.#store.read(aggregate, ['head']);
      const before = parseHead(fields.head);
      const decided = await decide(before, nowMs);
      if (!decided) return NOTHING_TOLD;
      const { after, change } = decided;
      const place = placeOf(scope, after);
      const committed = await this.#store.commit(aggregate, version, {
        ...change,
        fields: { head: JSON.stringify(after) },
        ...(place !== placeOf(scope, before ?? newHead) && {
          index: place === undefined ? [] : [{ index: RUNNING_INDEX, key: place }],
        }),
        ...(after.lookAtMs !== (before?.lookAtMs ?? null) && { deadlineMs: after.lookAtMs }),
      });
      return committed.ok ? { began: decided.raised, ended: decided.over, nowMs } : undefined;
    });
    for (const alert of told.began) this.#alerts.began(scope.id, alert);
    for (const alert of told.ended) this.#alerts.ended(scope.id, alert, told.nowMs);
  }

  async #buckets(scope: Scope, stream: BucketStream, { from, count }: Span): Promise<Buckets> {
    if (count === 0) return new Map();
    const entries = await this.#store.range(aggregateOf(scope), stream, from, count);
    const within = entries.filter(({ position }) => position < from + count);
    return new Map(within.map(({ position, value }): [number, Figures] => [position, parseFigures(value)]));
  }

  async #seenWith(scope: Scope, seen: ReadonlyMap<number, bigint>): Promise<StreamChange[]> {
    return Promise.all(
      [...seen].map(async ([hour, bits]) => {
        const [kept] = await this.#store.range(aggregateOf(scope), SEEN, hour, 1);
        const before = kept?.position === hour ? BigInt(`0x${kept.value}`) : 0n;
        return { stream: SEEN, position: hour, value: (before | bits).toString(16) };
      }),
    );
  }

  /** Removes what has outlived its retention. */
  async #stale(scope: Scope, nowHour: number): Promise<StreamChange[]> {
    const oldest = (stream: BucketStream) =>
      Math.floor(((nowHour - RETENTION[stream].hours) * HOUR_MS) / BUCKET_MS[stream]);
    const streams = [...BUCKET_STREAMS.map((stream) => [stream, oldest(stream)] as const)];
    const all = scope.kind === 'agent' ? [...streams, [SEEN, oldest('hours')] as const] : streams;
    const found = await Promise.all(
      all.map(async ([stream, first]) => {
        const entries = await this.#store.range(aggregateOf(scope), stream, 0, MAX_TRIMMED);
        const old = entries.filter(({ position }) => position < first);
        return old.map(({ position }): StreamChange => ({ stream, position, value: null }));
      }),
    );
    return found.flat();
  }
}

/** Alerts that were raised and alerts that are over, from one set to the next. */
function turnedOf(before: Head['alerts'], after: Head['alerts']) {
  const alertsOf = (entries: readonly [string, Alert][]) => entries.map(([, alert]) => alert);
  return { raised: alertsOf(raised(after, before)), over: alertsOf(raised(before, after)) };
}

const hourOf = (ms: number) => Math.floor(ms / HOUR_MS);

/** A while after the hour is over. */
function closingMs({ id }: Scope, hour: number): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % SPREAD_MS;
  return (hour + 1) * HOUR_MS + 60_000 + hash;
}

const parseHead = (text: string | undefined): Head | undefined => (text === undefined ? undefined : JSON.parse(text));

function placeOf({ kind }: Scope, { running, offlineSinceMs, alerts }: Head): string | undefined {
  if (kind !== 'agent' || running === 0) return undefined;
  if (offlineSinceMs === null) return PRESENT;
  return Object.hasOwn(alerts, OFFLINE) ? TOLD : String(offlineSinceMs);
}
