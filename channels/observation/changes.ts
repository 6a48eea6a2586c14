import type { Cause } from './picture.ts';
import type { SeenCapability, Sighting, StateMetadata, StateName } from './scene.ts';
import { type Circumstances, flagsInPart, flagsOf, metadataOf, stateInPart, stateOf } from './states.ts';

/** What STATE_BATCH has of an agent. */
export interface StateRecord {
  readonly state: StateName;
  readonly flags: number;
  readonly metadata: StateMetadata;
}

/** An agent's state as it is seen in full, and in part. */
export interface Look {
  readonly full: StateRecord;
  readonly part: StateRecord;
}

/** A change that is not told yet. */
export interface Waiting {
  readonly look: Look;
  /** When the first change since the last that was told happened, and when the last one did. */
  readonly firstMs: number;
  readonly changedMs: number;
  /** Of the last change of the full state. */
  readonly cause: Cause | undefined;
}

/** A change that is undone in this time is not told. */
export const STANDS_MS = 100;
/** One that never stands still is told as it is then. */
const MAX_WAIT_MS = 500;

const NO_METADATA: StateMetadata = {};

export const lookAt = (circumstances: Circumstances): Look => ({
  full: { state: stateOf(circumstances), flags: flagsOf(circumstances), metadata: metadataOf(circumstances) },
  part: { state: stateInPart(circumstances), flags: flagsInPart(circumstances), metadata: NO_METADATA },
});

/** Pure: what waits to be told after a look, if it shows another state than what was told, or waits, before. */
export function noticed(
  told: Look,
  waiting: Waiting | undefined,
  look: Look,
  cause: Cause | undefined,
  nowMs: number,
): Waiting | undefined {
  const before = waiting?.look ?? told;
  const isNewInFull = look.full.state !== before.full.state;
  if (!isNewInFull && look.part.state === before.part.state) return waiting && { ...waiting, look };
  return {
    look,
    firstMs: waiting?.firstMs ?? nowMs,
    changedMs: nowMs,
    cause: isNewInFull ? cause : waiting?.cause,
  };
}

export const isDue = ({ changedMs, firstMs }: Waiting, nowMs: number): boolean =>
  nowMs - changedMs >= STANDS_MS || nowMs - firstMs >= MAX_WAIT_MS;

type StateSighting = Extract<Sighting, { kind: 'state' }>;

/** Pure: what is told of a change that is due; `undefined` where it was undone. @param estimatedMs of a task that was assigned */
export function stateSightings(
  agentId: string,
  told: Look,
  { look, cause }: Pick<Waiting, 'look' | 'cause'>,
  atMs: number,
  estimatedMs?: number,
): { readonly full: StateSighting | undefined; readonly part: StateSighting | undefined } {
  const metadata = {
    ...(cause?.task && { taskId: cause.task.id }),
    ...(cause?.task && estimatedMs !== undefined && { estimatedDuration: estimatedMs }),
  };
  const sighting = (
    from: StateName,
    to: StateName,
    more: Pick<StateSighting, 'reason' | 'metadata'>,
  ): StateSighting | undefined =>
    from === to ? undefined : { kind: 'state', atMs, agentId, previousState: from, newState: to, ...more };
  return {
    full: sighting(told.full.state, look.full.state, { reason: cause?.reason ?? null, metadata }),
    part: sighting(told.part.state, look.part.state, { reason: null, metadata: {} }),
  };
}

export const isSameRecord = (one: StateRecord, other: StateRecord): boolean =>
  one === other ||
  (one.state === other.state &&
    one.flags === other.flags &&
    one.metadata.running === other.metadata.running &&
    one.metadata.queued === other.metadata.queued &&
    one.metadata.sockets === other.metadata.sockets &&
    one.metadata.multiAgentId === other.metadata.multiAgentId);

/** Pure: what is told of capabilities that were removed, added or changed. */
export function capabilityChanges(
  agentId: string,
  before: readonly SeenCapability[],
  after: readonly SeenCapability[],
  atMs: number,
): Sighting[] {
  const changed = (action: 'add' | 'remove' | 'update', capability: SeenCapability): Sighting => ({
    kind: 'capability',
    atMs,
    agentId,
    action,
    capability,
  });
  const old = new Map(before.map((capability) => [capability.name, capability]));
  const changes: Sighting[] = [];
  for (const capability of after) {
    const known = old.get(capability.name);
    old.delete(capability.name);
    if (!known) changes.push(changed('add', capability));
    else if (JSON.stringify(known) !== JSON.stringify(capability)) changes.push(changed('update', capability));
  }
  return [...[...old.values()].map((capability) => changed('remove', capability)), ...changes];
}
