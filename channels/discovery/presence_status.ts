import type { Presence } from '../../presence/index.ts';
import { jsonBytes } from '../fields.ts';
import type { Agent } from '../principals/agent.ts';

export const DISCOVERY_TOPIC = 'agents:discovery';

/** Each agent has one: `busy` is said by itself, in its metadata, while it is present. */
export type PresenceStatus = 'online' | 'busy' | 'offline';

/** Metadata larger than this is left out of presence, which everybody gets. */
const MAX_META_METADATA_BYTES = 1_024;

/** An agent's presence meta (PROTOCOL.md, section 5.1); presence itself adds `phx_ref`. */
export function presenceMeta({ capabilities, metadata }: Agent, onlineAtMs: number): object {
  return {
    status: metadata.status === 'busy' ? 'busy' : 'online',
    capabilities: capabilities.map(({ name }) => name),
    metadata: jsonBytes(metadata) <= MAX_META_METADATA_BYTES ? metadata : {},
    online_at: new Date(onlineAtMs).toISOString(),
  };
}

/** Whether an agent is present on any node, as its presence shows it. */
export function presenceStatus(presence: Presence, id: string): PresenceStatus {
  const meta = presence.get(DISCOVERY_TOPIC, id).at(-1);
  return meta === undefined ? 'offline' : meta.status === 'busy' ? 'busy' : 'online';
}
