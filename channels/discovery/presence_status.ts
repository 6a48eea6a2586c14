import type { Presence } from '../../presence/index.ts';
import { jsonBytes } from '../kernel/fields.ts';
import { iso } from '../kernel/iso.ts';
import type { Agent } from '../principals/agent.ts';

export const DISCOVERY_TOPIC = 'agents:discovery';

/** Each agent has one: `busy` is said by itself, in its metadata, while it is present. */
export type PresenceStatus = 'online' | 'busy' | 'offline';

/** Metadata larger than this is left out of presence, which everybody gets. */
const MAX_META_METADATA_BYTES = 1_024;

/** A meta as members get it. */
const MAX_META_BYTES = 4 * 1_024;
/** Most bytes that presence adds to a meta: `"phx_ref"` and `"phx_ref_prev"`. */
const REFS_BYTES = 96;

/**
 * An agent's presence meta (PROTOCOL.md, section 5.1); presence itself adds `phx_ref`. Where it would be larger than 4 KiB
 * `metadata` is left empty, and then capability names are left out from the end.
 */
export function presenceMeta({ name, capabilities, metadata }: Agent, onlineAtMs: number): object {
  const meta = {
    name,
    status: metadata.status === 'busy' ? 'busy' : 'online',
    capabilities: capabilities.map((capability) => capability.name),
    metadata: jsonBytes(metadata) <= MAX_META_METADATA_BYTES ? metadata : {},
    online_at: iso(onlineAtMs),
  };
  const excessBytes = () => jsonBytes(meta) + REFS_BYTES - MAX_META_BYTES;
  if (excessBytes() > 0) meta.metadata = {};
  for (let excess = excessBytes(); excess > 0; ) {
    const cut = meta.capabilities.pop();
    if (cut === undefined) break;
    excess -= jsonBytes(cut) + ','.length;
  }
  return meta;
}

/** True if an agent is present on any node, as its presence shows it. */
export function presenceStatus(presence: Pick<Presence, 'get'>, id: string): PresenceStatus {
  const meta = presence.get(DISCOVERY_TOPIC, id).at(-1);
  return meta === undefined ? 'offline' : meta.status === 'busy' ? 'busy' : 'online';
}
