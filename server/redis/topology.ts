import type { Redis } from 'ioredis';
import type { Host } from './address.ts';
import { SLOTS } from './slots.ts';

/** The masters of a Redis Cluster, and the slots that each has. */
export interface Topology {
  readonly masters: readonly Host[];
  /** By slot, a place in `masters`; `NOBODY` where no master has it. */
  readonly owners: Uint16Array;
}

export const NOBODY = 0xffff;

/** That a master has some slots, as one node sees it. */
export interface Claim extends Host {
  readonly from: number;
  readonly to: number;
  /** The master's configuration epoch: of two claims to a slot, the later one holds. */
  readonly epoch: number;
}

export interface View {
  readonly claims: readonly Claim[];
  /** Replicas too. */
  readonly nodes: readonly Host[];
}

type Node = readonly [host: string | null, port: number, id: string];
type SlotsRow = readonly [from: number, to: number, master: Node, ...replicas: Node[]];

/**
 * View that one node has of its cluster.
 *
 * @returns undefined from a node that is cut off from most masters, as it may not know of a failover
 */
export async function askForView(redis: Redis): Promise<View | undefined> {
  const [info, nodes, slots] = await Promise.all([
    redis.cluster('INFO'),
    redis.cluster('NODES'),
    redis.cluster('SLOTS'),
  ]);
  if (!String(info).includes('cluster_state:ok')) return undefined;
  const epochs = readEpochs(String(nodes));
  // None is said where a node does not know its own: then it is the one that we have asked.
  const unnamed = (redis.stream as { readonly remoteAddress?: string }).remoteAddress ?? '';
  const hostOf = ([host, port]: Node): Host => ({ host: host || unnamed, port });
  const rows = slots as unknown as SlotsRow[];
  return {
    claims: rows.map(([from, to, master]) => ({ from, to, ...hostOf(master), epoch: epochs.get(master[2]) ?? 0 })),
    nodes: rows.flatMap(([, , ...nodes]) => nodes.map(hostOf)),
  };
}

/** From lines of `<id> <address> <flags> <master> <ping> <pong> <config epoch> <state> <slot>…` */
function readEpochs(nodes: string): Map<string, number> {
  const fields = nodes.split('\n').map((line) => line.split(' '));
  return new Map(fields.map(([id = '', , , , , , epoch]) => [id, Number(epoch)]));
}

/** Merges the views of several nodes, each of which may be late, by the rule that the nodes use themselves. */
export function settle(views: readonly View[]): Topology {
  const distinct = new Map(
    views.flatMap(({ claims }) => claims.map((each) => [`${each.from}-${each.to} ${each.epoch} ${place(each)}`, each])),
  );
  const claims = [...distinct.values()].sort((a, b) => a.epoch - b.epoch || (place(a) < place(b) ? -1 : 1));
  const latest = new Int32Array(SLOTS).fill(-1);
  for (const [at, { from, to }] of claims.entries()) latest.fill(at, from, to + 1);

  const masters = new Map<string, Host>();
  for (const at of new Set(latest)) {
    const claim = claims[at];
    if (claim) masters.set(place(claim), { host: claim.host, port: claim.port });
  }
  const places = [...masters.keys()].sort();
  const ranks = claims.map((claim) => places.indexOf(place(claim)));
  return {
    masters: places.map((name) => masters.get(name) as Host),
    owners: Uint16Array.from(latest, (at) => ranks[at] ?? NOBODY),
  };
}

export function sameTopology(a: Topology, b: Topology): boolean {
  return (
    a.masters.map(place).join() === b.masters.map(place).join() &&
    a.owners.every((owner, slot) => owner === b.owners[slot])
  );
}

/** Tells if a slot has the same master in both views, or none in both. */
export function sameOwner(a: Topology, b: Topology, slot: number): boolean {
  const [before, after] = [a, b].map(({ masters, owners }) => masters[owners[slot] as number]);
  return before === undefined || after === undefined ? before === after : place(before) === place(after);
}

const place = ({ host, port }: Host) => `${host}:${port}`;
