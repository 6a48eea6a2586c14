import type { Presence } from '../../presence/index.ts';
import { accept, grant, type Log, reply, type TypedHub } from '../../server/index.ts';
import { jsonBytes } from '../kernel/fields.ts';
import { micro, usdc } from '../kernel/money.ts';
import { refuseField } from '../kernel/reasons.ts';
import { agentView } from '../principals/agent.ts';
import { agentChannel } from '../principals/agent_session.ts';
import type { Agents } from '../principals/principals.ts';
import { metadataRefusal, readCapabilities } from '../principals/schema.ts';
import type { Members } from './members.ts';
import { DISCOVERY_TOPIC } from './presence_status.ts';
import { events, joinParams, pushes } from './schema.ts';
import { cursorOf, type Directory, type Found, readCursor, search } from './search.ts';

const DEFAULT_LIMIT = 20;
const MAX_PAGE_BYTES = 256 * 1_024;
export interface DiscoveryOptions {
  readonly agents: Agents;
  readonly presence: Presence;
  readonly members: Members;
  readonly directory: Directory;
  readonly hub: TypedHub<typeof pushes>;
  readonly log: Log;
  /** Has every node look at an agent that has changed. */
  readonly tellNodes: (agentId: string) => void;
}

/** `agents:discovery`: who is there, what they offer, and who fits (PROTOCOL.md, section 5.1). */
export function discoveryChannel({ agents, presence, members, directory, hub, log, tellNodes }: DiscoveryOptions) {
  return agentChannel({
    topic: DISCOVERY_TOPIC,
    params: { authorize: () => grant(), schema: joinParams },
    events,
    pushes,
    costs: { discover: 10 },

    async join({ params, assigns, socket }) {
      const isSearcher = params.presence === false;
      // Those of other nodes that cannot be had now come as diffs later.
      await presence
        .follow(socket)
        ?.catch((error: unknown) =>
          log.warn({ err: error }, 'presence of other nodes not available yet: showing this node alone'),
        );
      const left = isSearcher ? { without: ['presence_diff'] } : {};
      return accept({ isSearcher }, { agent_id: assigns.agentId }, left);
    },

    async joined(socket) {
      if (socket.assigns.isSearcher) return;
      // Whoever joins again and again without reading waits for what it has not read.
      await socket.writable();
      socket.pushSnapshot('presence_state', presence.state(DISCOVERY_TOPIC));
      await members.enter(socket);
    },

    on: {
      async discover({ capability, filters = {}, limit = DEFAULT_LIMIT, cursor }) {
        const after = cursor === undefined ? undefined : readCursor(cursor);
        if (cursor !== undefined && !after)
          return refuseField('/cursor', 'must be the next_cursor of an earlier answer');
        const { status, min_reputation: minReputation, max_price: maxPrice } = filters;
        const maxPriceMicro = maxPrice === undefined ? undefined : micro(maxPrice);
        const found = await search({ capability, status, minReputation, maxPriceMicro, limit, after }, directory);
        const page = fitting(found.slice(0, limit).map(foundView));
        const last = found.length > page.length ? found[page.length - 1] : undefined;
        return reply({ agents: page, ...(last && { next_cursor: cursorOf(last.hit) }) });
      },

      async update_metadata({ metadata }, socket) {
        const refused = metadataRefusal(metadata);
        if (refused) return refused;
        const applied = await agents.replaceMetadata(socket.assigns.agentId, metadata);
        if (!applied.ok) return applied;
        tellNodes(applied.state.id);
        return reply({ metadata: applied.state.metadata });
      },

      async announce(payload, socket) {
        const read = readCapabilities(payload.capabilities);
        if (!read.ok) return read;
        const applied = await agents.announce(socket.assigns.agentId, read.capabilities);
        if (!applied.ok) return applied;
        const agent = agentView(applied.state);
        tellNodes(agent.id);
        hub.broadcast(DISCOVERY_TOPIC, 'agent_updated', { agent });
        return reply({ agent });
      },
    },
  });
}

const foundView = ({ agent, status, priceMicro }: Found) => ({
  ...agentView(agent),
  presence: status,
  price: priceMicro === undefined ? null : usdc(priceMicro),
});
type FoundView = ReturnType<typeof foundView>;

/** As many as fit into one reply of a sensible size, at least one: agents may be large, and the rest is a page away. */
function fitting(views: readonly FoundView[]): readonly FoundView[] {
  // Most often that tells, and saves a JSON text of each.
  if (views.reduce((sum, view) => sum + mostBytes(view), 0) <= MAX_PAGE_BYTES) return views;
  let bytes = 0;
  const end = views.findIndex((view) => {
    bytes += jsonBytes(view);
    return bytes > MAX_PAGE_BYTES;
  });
  return end < 0 ? views : views.slice(0, Math.max(1, end));
}

/** Of a character of a string, as `\u0001`. */
const MAX_CHARACTER_BYTES = 6;
/** Names of fields, ids of at most 128 characters, key, status, numbers and time. */
const OTHER_BYTES = 1_024;
const OTHER_CAPABILITY_BYTES = 128;

/** No agent's JSON has more bytes. */
function mostBytes({ name, capabilities, metadata }: FoundView): number {
  let characters = name.length;
  for (const { name, description = '', category = '' } of capabilities) {
    characters += name.length + description.length + category.length;
  }
  const ofCapabilities = capabilities.length * OTHER_CAPABILITY_BYTES;
  const ofMetadata = Object.keys(metadata).length === 0 ? 0 : jsonBytes(metadata);
  return OTHER_BYTES + ofCapabilities + characters * MAX_CHARACTER_BYTES + ofMetadata;
}
