import { type Alert, begun, ended } from './alerts.ts';

/** Goals for the figures of a multi-agent's members over one hour. */
export interface PerformanceTargets {
  /** Of the p99 of task durations, in ms. */
  readonly maxLatency: number;
  /** Tasks completed a minute. */
  readonly minThroughput: number;
  readonly targetSuccessRate: number;
}

/** A multi-agent as it is watched, from one version of its configuration. */
export interface WatchedMultiAgent {
  readonly owner: string;
  readonly id: string;
  readonly version: number;
  readonly targets: PerformanceTargets | null;
  /** Null: members may be away. */
  readonly heartbeatMs: number | null;
}

/** Figures of all members together over the last hour; null where nothing happened. */
export interface MemberFigures {
  readonly p99Ms: number | null;
  readonly completed: number;
  readonly successRate: number | null;
}

type Alerts = Readonly<Record<string, Alert>>;
/** Members that were online, by since when they are seen away; null: they are here. */
export type Seen = ReadonlyMap<string, number | null>;

export interface Watch {
  readonly alerts: Alerts;
  readonly seen: Seen;
  readonly lookedAtMs: number;
}

/** A look at the members. */
export interface Look {
  /** Undefined: no target, or no member. */
  readonly figures: MemberFigures | undefined;
  /** By member, whether it is online; undefined: unknown, or of no interest. */
  readonly online: ReadonlyMap<string, boolean> | undefined;
  readonly nowMs: number;
}

const MINUTES = 60;
const LOST_AFTER_HEARTBEATS = 3;
/** After this time without a look, no node was there to connect to. */
const BREAK_MS = 15_000;
/** Lost members that alerts tell of at a time; further ones once others are back. */
const MAX_LOST = 100;
const LOST = 'member_lost:';

/** Decides what a look at the members changes. Pure. */
export function watchAfter(watched: WatchedMultiAgent, before: Watch, look: Look): Watch {
  const alerts = targetAlerts(watched, before.alerts, look);
  const { heartbeatMs } = watched;
  const isWanted = heartbeatMs !== null;
  if (isWanted && !look.online) return { ...before, alerts };
  const seen = isWanted ? seenAfter(before, look) : new Map<string, number | null>();
  return { alerts: lostAlerts(watched, alerts, seen, look.nowMs), seen, lookedAtMs: look.nowMs };
}

function targetAlerts({ id, targets }: WatchedMultiAgent, before: Alerts, { figures, nowMs }: Look): Alerts {
  const { maxLatency = 0, minThroughput = 0, targetSuccessRate = 0 } = targets ?? {};
  const perMinute = (figures?.completed ?? 0) / MINUTES;
  const [p99Ms, rate] = [figures?.p99Ms ?? 0, figures?.successRate ?? 1];
  const goals = [
    ['maxLatency', p99Ms, maxLatency, p99Ms > maxLatency, 'The p99 of task durations in ms is above its target.'],
    [
      'minThroughput',
      perMinute,
      minThroughput,
      perMinute < minThroughput,
      'Fewer tasks a minute are completed than the target.',
    ],
    ['targetSuccessRate', rate, targetSuccessRate, rate < targetSuccessRate, 'The success rate is below its target.'],
  ] as const;
  return goals.reduce<Alerts>((alerts, [name, value, threshold, isMissed, message]) => {
    const key = `target_missed:${name}`;
    const holds = targets !== null && figures !== undefined && isMissed;
    const ofOtherTarget = alerts[key] !== undefined && alerts[key].threshold !== threshold;
    const kept = !holds || ofOtherTarget ? ended(alerts, key) : alerts;
    if (!holds) return kept;
    return begun(kept, key, { kind: 'target_missed', agent: null, multiAgent: id, message, value, threshold, nowMs });
  }, before);
}

/** A member is away since it was seen so, but not since before a break: after one all have to connect anew. */
function seenAfter({ seen, lookedAtMs }: Watch, { online = new Map(), nowMs }: Look): Seen {
  const isAnew = nowMs - lookedAtMs > BREAK_MS;
  const after = new Map<string, number | null>();
  for (const [member, isOnline] of online) {
    if (isOnline) after.set(member, null);
    else if (seen.has(member)) after.set(member, isAnew ? nowMs : (seen.get(member) ?? nowMs));
  }
  return after;
}

function lostAlerts({ id, heartbeatMs }: WatchedMultiAgent, before: Alerts, seen: Seen, nowMs: number): Alerts {
  const patienceMs = LOST_AFTER_HEARTBEATS * (heartbeatMs ?? 0);
  let alerts = before;
  for (const key of Object.keys(before)) {
    if (key.startsWith(LOST) && typeof seen.get(key.slice(LOST.length)) !== 'number') alerts = ended(alerts, key);
  }
  let room = MAX_LOST - Object.keys(alerts).filter((key) => key.startsWith(LOST)).length;
  for (const [member, sinceMs] of seen) {
    if (room <= 0) break;
    const awayMs = sinceMs === null ? 0 : nowMs - sinceMs;
    if (awayMs <= patienceMs || Object.hasOwn(alerts, LOST + member)) continue;
    const [value, threshold] = [Math.round(awayMs / 1_000), patienceMs / 1_000];
    const message = `Member ${member} was online and is offline.`;
    alerts = begun(alerts, LOST + member, {
      kind: 'member_lost',
      agent: null,
      multiAgent: id,
      message,
      value,
      threshold,
      nowMs,
    });
    room--;
  }
  return alerts;
}
