import type { Alert } from '../analytics/alerts.ts';
import type { Edge } from '../flows/port.ts';
import {
  capabilityChanges,
  isDue,
  isSameRecord,
  type Look,
  lookAt,
  noticed,
  stateSightings,
  type Waiting,
} from './changes.ts';
import type { SeenTask } from './deeds.ts';
import { nothingWorked, performanceOf } from './performance.ts';
import type { Cause, KnownAgent, Picture, PictureListener, Profile } from './picture.ts';
import type { Performance, Place, SeenAgent, Sighting } from './scene.ts';
import type { Happening, RecordHappening, Sight, Stage, Viewpoint } from './viewpoint.ts';

/** Interval at which what waits is looked at. */
const TICK_MS = 25;
/** STATE_BATCH has an agent once in this time. */
const RECORD_MS = 1_000;
/** A change waits so long for the time that a task is likely to take. */
const MAX_ESTIMATE_MS = 500;

/** An agent as audiences were told of it. */
interface Told {
  profile: Profile;
  look: Look;
  record: Look;
  recordAtMs: number;
  /** Those who have come since then began with the state that was told, and not with that of the record. */
  readonly isRecordOwed: Record<Sight, boolean>;
  /** As it is now. */
  latest: Look;
  waiting: Waiting | undefined;
  estimate: { readonly taskId: string; ms: number | undefined; isKnown: boolean } | undefined;
  performance: Performance;
}

export interface ScenesOptions {
  readonly picture: () => Picture;
  readonly nowMs: () => number;
  readonly placeOf: (agentId: string) => Place | undefined;
  readonly edges: () => Iterable<Edge>;
  /** The time that a task is likely to take. */
  readonly estimate: (task: SeenTask) => Promise<number | undefined>;
  /** Told when figures that an agent is shown with may have changed. */
  readonly onFigures: (agentId: string, areRead: boolean) => void;
  /** An agent of another user from now on: told to viewpoints already. */
  readonly onMoved: (viewpoint: Viewpoint, agentId: string) => void;
}

/** What was told of each agent, and who is told what happens next: worked out once, for all audiences of a node. */
export class Scenes implements Stage, PictureListener {
  readonly #options: ScenesOptions;
  readonly #told = new Map<string, Told>();
  readonly #owned = new Map<string, Set<string>>();
  readonly #dirty = new Set<string>();
  readonly viewpoints = new Set<Viewpoint>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ScenesOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  nowMs = (): number => this.#options.nowMs();
  agentIds = (): Iterable<string> => this.#told.keys();
  profileOf = (agentId: string): Profile | undefined => this.#told.get(agentId)?.profile;
  edges = (): Iterable<Edge> => this.#options.edges();
  ownedBy = (userId: string): Iterable<string> => this.#owned.get(userId) ?? [];
  performanceOf = (agentId: string): Performance | undefined => this.#told.get(agentId)?.performance;

  get count(): { readonly total: number; readonly active: number; readonly queued: number } {
    let [active, queued] = [0, 0];
    for (const { look } of this.#told.values()) if (look.full.state !== 'OFFLINE') active++;
    for (const agent of this.#options.picture().agents.values()) queued += agent.queued;
    return { total: this.#told.size, active, queued };
  }

  seen(agentId: string, sight: Sight): SeenAgent | undefined {
    const told = this.#told.get(agentId);
    if (!told) return undefined;
    const { profile, look, record, performance } = told;
    const isFull = sight === 'full';
    if (look[sight].state !== record[sight].state) {
      told.isRecordOwed[sight] = true;
      this.#dirty.add(agentId);
    }
    return {
      agentId,
      wireId: profile.wireId,
      name: profile.name,
      namespace: isFull ? profile.userId : null,
      capabilities: profile.capabilities.map(({ name }) => name),
      state: look[sight].state,
      full: isFull,
      registeredAtMs: isFull ? profile.registeredAtMs : null,
      flags: record[sight].flags,
      metadata: record[sight].metadata,
      performance: isFull ? this.#upToNow(agentId, performance) : null,
      place: this.#options.placeOf(agentId) ?? null,
    };
  }

  appeared(agent: KnownAgent): void {
    const { id, profile } = agent;
    if (!profile) return;
    const circumstances = this.#options.picture().circumstancesOf(agent);
    const look = lookAt(circumstances);
    const performance = performanceOf(nothingWorked, circumstances, Date.now());
    const isRecordOwed = { full: false, part: false };
    const rest = { recordAtMs: 0, isRecordOwed, waiting: undefined, estimate: undefined };
    this.#told.set(id, { profile, look, record: look, latest: look, performance, ...rest });
    this.#own(id, profile.userId);
    this.#options.onFigures(id, false);
    for (const viewpoint of this.viewpoints) viewpoint.appeared(id, profile);
  }

  described(agent: KnownAgent, before: Profile): void {
    const { id, profile } = agent;
    const told = this.#told.get(id);
    if (!profile || !told) return;
    told.profile = profile;
    if (profile.userId !== before.userId) {
      if (before.userId !== null) this.#owned.get(before.userId)?.delete(id);
      this.#own(id, profile.userId);
    }
    for (const viewpoint of this.viewpoints) {
      if (viewpoint.moved(id, before.userId, profile.userId)) this.#options.onMoved(viewpoint, id);
    }
    const atMs = this.nowMs();
    const capabilities = capabilityChanges(id, before.capabilities, profile.capabilities, atMs);
    const isRenamed = profile.name !== before.name || profile.userId !== before.userId;
    const namesOf = (one: Profile) => JSON.stringify([one.name, one.capabilities.map(({ name }) => name)]);
    const registered = (sight: Sight): Sighting | undefined => {
      const seen = this.seen(id, sight);
      return seen && { kind: 'registered', atMs, agents: [seen] };
    };
    this.#tell([
      ...(isRenamed ? [{ agentId: id, full: registered('full') }] : []),
      ...capabilities.map((full) => ({ agentId: id, full })),
      // In part there is no other word for it.
      ...(namesOf(before) === namesOf(profile) ? [] : [{ agentId: id, part: registered('part') }]),
    ]);
  }

  touched(agent: KnownAgent, cause: Cause | undefined): void {
    const told = this.#told.get(agent.id);
    if (!told) return;
    told.latest = lookAt(this.#options.picture().circumstancesOf(agent));
    const { waiting } = told;
    told.waiting = noticed(told.look, waiting, told.latest, cause, Date.now());
    if (told.waiting?.cause !== waiting?.cause) this.#estimate(told, told.waiting?.cause);
    this.#dirty.add(agent.id);
    this.#options.onFigures(agent.id, true);
  }

  figured(agent: KnownAgent): void {
    this.#options.onFigures(agent.id, false);
  }

  alerted({ id: agentId }: KnownAgent, raised: readonly Alert[], ended: readonly Alert[]): void {
    const atMs = this.nowMs();
    this.#tell([
      ...ended.map(({ id }): Happening => ({ agentId, full: { kind: 'alert_ended', atMs, id, agentId } })),
      ...raised.map((alert): Happening => {
        const payload = { alert, agentId };
        return { agentId, full: { kind: 'alert', atMs: Date.parse(alert.at), level: alert.level, agentId, payload } };
      }),
    ]);
  }

  tasked(task: SeenTask): void {
    for (const viewpoint of this.viewpoints) viewpoint.tasked(task);
  }

  taskTouched(taskId: string): void {
    for (const viewpoint of this.viewpoints) viewpoint.touched(taskId);
  }

  performed(agentId: string, performance: Performance, isTold: boolean): void {
    const told = this.#told.get(agentId);
    if (!told) return;
    told.performance = performance;
    const { wireId } = told.profile;
    if (isTold)
      this.#tell([{ agentId, full: { kind: 'performance', atMs: this.nowMs(), agentId, wireId, performance } }]);
  }

  /** What holds now counts as told: for the beginning, and after a loss, when audiences are given all anew. */
  settle(): void {
    for (const [id, told] of this.#told) {
      told.look = told.latest;
      told.record = told.latest;
      told.isRecordOwed.full = false;
      told.isRecordOwed.part = false;
      told.waiting = undefined;
      this.#dirty.delete(id);
    }
  }

  /** Tells what has stood long enough. */
  tick(nowMs = Date.now()): void {
    if (this.#dirty.size === 0) return;
    const happenings: Happening[] = [];
    const records: RecordHappening[] = [];
    const ahead = this.nowMs() - nowMs;
    for (const agentId of this.#dirty) {
      const told = this.#told.get(agentId);
      if (told && !this.#tellState(agentId, told, nowMs, ahead, happenings)) continue;
      if (told && !this.#tellRecord(agentId, told, nowMs, records)) continue;
      this.#dirty.delete(agentId);
    }
    if (happenings.length + records.length === 0) return;
    for (const viewpoint of this.viewpoints) viewpoint.happened(happenings, records, nowMs + ahead);
  }

  /** @returns false while it has to wait */
  #tellState(agentId: string, told: Told, nowMs: number, ahead: number, happenings: Happening[]): boolean {
    const { waiting, estimate } = told;
    if (!waiting) return true;
    if (!isDue(waiting, nowMs)) return false;
    const task = waiting.cause?.reason === 'Task assigned' ? waiting.cause.task : undefined;
    const isEstimated = task !== undefined && estimate?.taskId === task.id;
    if (isEstimated && !estimate.isKnown && nowMs - waiting.firstMs < MAX_ESTIMATE_MS) return false;
    const estimatedMs = isEstimated ? estimate.ms : undefined;
    const sightings = stateSightings(agentId, told.look, waiting, waiting.changedMs + ahead, estimatedMs);
    if (sightings.full || sightings.part) happenings.push({ agentId, ...sightings });
    told.look = waiting.look;
    told.waiting = undefined;
    return true;
  }

  /** @returns false while it has to wait */
  #tellRecord(agentId: string, told: Told, nowMs: number, records: RecordHappening[]): boolean {
    const { record, latest, profile, isRecordOwed } = told;
    const isNewInFull = isRecordOwed.full || !isSameRecord(record.full, latest.full);
    const isNewInPart = isRecordOwed.part || !isSameRecord(record.part, latest.part);
    if (!isNewInFull && !isNewInPart) return true;
    if (nowMs - told.recordAtMs < RECORD_MS) return false;
    const of = { agentId, wireId: profile.wireId };
    records.push({
      agentId,
      ...(isNewInFull && { full: { ...of, ...latest.full } }),
      ...(isNewInPart && { part: { ...of, ...latest.part } }),
    });
    told.record = latest;
    told.recordAtMs = nowMs;
    isRecordOwed.full = false;
    isRecordOwed.part = false;
    return true;
  }

  #estimate(told: Told, cause: Cause | undefined): void {
    const task = cause?.reason === 'Task assigned' ? cause.task : undefined;
    if (!task || task.capability === null || told.estimate?.taskId === task.id) return;
    const estimate: NonNullable<Told['estimate']> = { taskId: task.id, ms: undefined, isKnown: false };
    told.estimate = estimate;
    const known = (ms?: number) => {
      estimate.ms = ms;
      estimate.isKnown = true;
    };
    this.#options.estimate(task).then(known, () => known());
  }

  #tell(happenings: readonly Happening[]): void {
    if (happenings.length > 0) for (const viewpoint of this.viewpoints) viewpoint.happened(happenings, [], 0);
  }

  #own(agentId: string, userId: string | null): void {
    if (userId === null) return;
    const owned = this.#owned.get(userId);
    if (owned) owned.add(agentId);
    else this.#owned.set(userId, new Set([agentId]));
  }

  #upToNow(agentId: string, performance: Performance): Performance {
    const agent = this.#options.picture().agents.get(agentId);
    if (!agent || performance.metrics.connectionCount === 0) return performance;
    const { openedAtMs } = this.#options.picture().circumstancesOf(agent);
    const uptime = openedAtMs === 0 ? 0 : Math.max(0, Date.now() - openedAtMs);
    return { ...performance, metrics: { ...performance.metrics, uptime } };
  }
}
