import { iso } from '../../channels/kernel/iso.ts';
import type { SeenAgent, SeenEdge, SeenFlow, SeenMessage, Sighting } from '../../channels/observation/scene.ts';
import { cut } from './binary.ts';
import { Message, type Roster } from './message.ts';

/** Most that one message holds of a list (VISUALISATION.md, section 9.2). */
const MAX_AGENTS = 500;
const MAX_EDGES = 1_000;
const MAX_AGENTS_LENGTH = 256 * 1_024;

const PERFORMANCE_TTL_MS = 10_000;
const SYSTEM_TTL_MS = 10_000;
const MESSAGE_TTL_MS = 5_000;

const written = new WeakMap<Sighting, readonly Message[]>();

/**
 * The JSON messages that tell a sighting (section 9.4); none for what binary frames alone tell. Audiences that are told of the
 * same sighting share them.
 */
export function messagesOf(sighting: Sighting): readonly Message[] {
  const known = written.get(sighting);
  if (known) return known;
  const messages = write(sighting);
  written.set(sighting, messages);
  return messages;
}

function write(sighting: Sighting): Message[] {
  const { atMs } = sighting;
  switch (sighting.kind) {
    case 'registered':
      return registeredMessages(sighting.agents, atMs);
    case 'hidden':
      return [hiddenMessage(sighting.agentId, sighting.wireId, atMs)];
    case 'state': {
      const { agentId, previousState, newState, reason, metadata } = sighting;
      const isHigh = previousState === 'ERROR' || newState === 'ERROR';
      const payload = () => ({ agentId, previousState, newState, reason, metadata });
      const agentIds = [agentId];
      return [new Message({ type: 'agent.state.changed', atMs, payload, agentIds, key: agentId, ...(isHigh && HIGH) })];
    }
    case 'performance': {
      const { agentId, performance } = sighting;
      const payload = () => ({ agentId, metrics: performance.metrics, trends: performance.trends });
      const rest = { agentIds: [agentId], key: agentId, ttl: PERFORMANCE_TTL_MS };
      return [new Message({ type: 'agent.performance.update', atMs, payload, ...rest })];
    }
    case 'capability': {
      const { agentId, action, capability } = sighting;
      const payload = () => ({ agentId, action, capability });
      return [new Message({ type: 'agent.capability.update', atMs, payload, agentIds: [agentId] })];
    }
    case 'message':
      return [sentMessage(sighting.message, atMs)];
    case 'flow':
      return [flowMessage(sighting.flow, atMs)];
    case 'edges':
      return edgesMessages(sighting.edges, sighting.removed, atMs);
    case 'system': {
      const payload = () => withTimes(sighting.payload);
      return [new Message({ type: 'system.metrics', atMs, payload, agentIds: [], key: '', ttl: SYSTEM_TTL_MS })];
    }
    case 'alert': {
      const payload = () => withTimes(sighting.payload);
      const priority = sighting.level === 'critical' ? 'critical' : 'normal';
      return [new Message({ type: 'alert', atMs, payload, agentIds: idsOf(sighting.agentId), priority })];
    }
    case 'alert_ended': {
      const { id, agentId } = sighting;
      const payload = () => ({ id, agentId, at: iso(atMs) });
      return [new Message({ type: 'alert.ended', atMs, payload, agentIds: idsOf(agentId) })];
    }
    case 'coordination': {
      const payload = () => sighting.payload;
      const { event, progress, agentIds } = sighting;
      return [
        new Message({
          type: `coordination.${event}`,
          atMs,
          payload,
          agentIds,
          ...HIGH,
          binary: { kind: event, progress },
        }),
      ];
    }
    case 'records':
    case 'places':
      return [];
  }
}

const HIGH = { priority: 'high' } as const;

const idsOf = (id: string | null) => (id === null ? [] : [id]);

export function registeredMessages(agents: readonly SeenAgent[], atMs: number): Message[] {
  const parts: SeenAgent[][] = [];
  let length = 0;
  for (const agent of agents) {
    const ownLength = lengthOf(agent);
    const part = parts.at(-1);
    if (part && part.length < MAX_AGENTS && length + ownLength <= MAX_AGENTS_LENGTH) {
      part.push(agent);
      length += ownLength;
    } else {
      parts.push([agent]);
      length = ownLength;
    }
  }
  return parts.map((part) => {
    const payload = () => ({ agents: part.map(agentView) });
    const roster: Roster = { registered: part };
    return new Message({
      type: 'agent.registered',
      atMs,
      payload,
      agentIds: part.map(({ agentId }) => agentId),
      roster,
    });
  });
}

export function hiddenMessage(agentId: string, wireId: number, atMs: number): Message {
  const payload = () => ({ agentId, wireId });
  const roster: Roster = { hidden: { agentId, wireId } };
  return new Message({ type: 'agent.hidden', atMs, payload, agentIds: [agentId], roster });
}

/** Most bytes of the fields whose length is the agent's own, in JSON: a UTF-16 unit takes at most six. */
function lengthOf({ agentId, name, namespace, capabilities }: SeenAgent): number {
  const own = agentId.length + 6 * name.length + (namespace?.length ?? 4);
  return capabilities.reduce((sum, capability) => sum + 6 * capability.length + 3, own + 200);
}

function agentView({ agentId, wireId, name, namespace, capabilities, state, full, registeredAtMs }: SeenAgent) {
  const registeredAt = registeredAtMs === null ? null : iso(registeredAtMs);
  return { agentId, wireId, name, namespace, capabilities, state, full, registeredAt };
}

function sentMessage(message: SeenMessage, atMs: number): Message {
  const { messageId, from, to, messageType, content, contentBytes, expiryMs } = message;
  const payload = () => ({
    messageId,
    from,
    to,
    messageType,
    priority: 'NORMAL',
    contentBytes,
    expiry: iso(expiryMs),
  });
  const agentIds = [...idsOf(from.id), ...to.map(({ id }) => id)];
  const rest = { agentIds, priority: 'low', ttl: MESSAGE_TTL_MS, content: content ?? 'null' } as const;
  return new Message({ type: 'message.sent', atMs, payload, ...rest });
}

function flowMessage({ from, to, statistics }: SeenFlow, atMs: number): Message {
  const flowId = `${from}-${to}`;
  const { lastActivityMs, ...figures } = statistics;
  const payload = () => ({ flowId, from, to, statistics: { ...figures, lastActivity: iso(lastActivityMs) } });
  // Ids may hold hyphens: two flows may have one flowId.
  const rest = { agentIds: [from, to], key: `${from} ${to}`, ttl: MESSAGE_TTL_MS };
  return new Message({ type: 'message.flow.stats', atMs, payload, ...rest });
}

/** At least one message, where there is an edge or a removed one. */
export function edgesMessages(
  edges: readonly SeenEdge[],
  removed: readonly { readonly from: string; readonly to: string }[],
  atMs: number,
): Message[] {
  const added = cut(edges, MAX_EDGES).map((part) => edgesMessage(part, [], atMs));
  const gone = cut(removed, MAX_EDGES).map((part) => edgesMessage([], part, atMs));
  return [...added, ...gone];
}

function edgesMessage(
  edges: readonly SeenEdge[],
  removed: readonly { readonly from: string; readonly to: string }[],
  atMs: number,
): Message {
  const payload = () => ({ edges: edges.map(edgeView), removed });
  const agentIds = [...new Set([...edges, ...removed].flatMap(({ from, to }) => [from, to]))];
  return new Message({ type: 'graph.edges', atMs, payload, agentIds });
}

const edgeView = ({ lastActivityMs, ...edge }: SeenEdge) => ({ ...edge, lastActivity: iso(lastActivityMs) });

export function snapshotComplete(agents: number, edges: number, atMs: number): Message {
  return new Message({
    type: 'snapshot.complete',
    atMs,
    payload: () => ({ agents, edges, at: iso(atMs) }),
    agentIds: [],
  });
}

/** Writes the times of a payload as clients get them: `endedAtMs: 1` as `endedAt: "1970-…"`. */
export function withTimes(value: object): object {
  if (Array.isArray(value)) return value.map((item) => (isObject(item) ? withTimes(item) : item));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (name.endsWith('Ms') && typeof member === 'number') return [name.slice(0, -2), iso(member)];
      if (name.endsWith('Ms') && member === null) return [name.slice(0, -2), null];
      return [name, isObject(member) ? withTimes(member) : member];
    }),
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
