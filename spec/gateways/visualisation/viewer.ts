import { STATE_CODES } from '../../../channels/observation/scene.ts';
import type { Address } from '../../support/aerie.ts';
import { makeReader, type ReadFrame, unpackers } from './reader.ts';
import { type JsonMessage, Wire } from './stage.ts';

/** Capabilities and encodings that one kind of viewer asks for. */
export interface Manner {
  readonly capabilities: readonly string[];
  /** Another algorithm than the one that the handshake gives. */
  readonly algorithm?: string;
  /** Asks for the contents of messages, on a channel. */
  readonly content?: boolean;
}

export const manners = {
  compressed: { capabilities: ['binary', 'compression', 'multiplexing', 'streaming'] },
  plain: { capabilities: ['binary'] },
  json: { capabilities: ['multiplexing'] },
  brotli: { capabilities: ['binary', 'compression'], algorithm: 'brotli' },
  gzip: { capabilities: ['binary', 'compression', 'streaming'], algorithm: 'gzip' },
  content: { capabilities: ['binary', 'compression', 'multiplexing'], content: true },
} as const satisfies Record<string, Manner>;

interface Listed {
  readonly agentId: string;
  readonly wireId: number;
  readonly full: boolean;
  readonly registeredAt: string | null;
  readonly namespace: string | null;
  readonly capabilities: readonly string[];
  readonly state: string;
}

/** An agent as it was last told: in JSON, and in binary where there is any. */
export interface ViewedAgent extends Listed {
  readonly record?: { readonly state: string; readonly flags: number; readonly metadata: Record<string, unknown> };
  readonly figures?: { readonly tasks: number };
  readonly metrics?: Record<string, unknown>;
}

const STATE_NAMES = new Map(Object.entries(STATE_CODES).map(([name, code]) => [code as number, name]));
const CHANNEL = 'flow';
const HEADER_BYTES = 8;
const BATCH_HEADER_BYTES = 9;

type Reader = Awaited<ReturnType<typeof makeReader>>;
let reader: Promise<Reader> | undefined;

/** A client of the wire that adds up what it is told, and holds it against the rules of the wire (VISUALISATION.md, 9.2 to 9.6). */
export class Viewer {
  readonly wire: Wire;
  readonly path: string;
  readonly #read: Reader;
  readonly agents = new Map<string, ViewedAgent>();
  readonly edges = new Map<string, string>();
  readonly messages: JsonMessage[] = [];
  /** Breaches of a rule. */
  readonly faults: string[] = [];
  snapshots = 0;
  #taken = 0;
  #number = 0;
  #sequence = 0;
  #algorithm = 'zlib';
  readonly #texts: string[] = [];

  private constructor(wire: Wire, path: string, read: Reader) {
    this.wire = wire;
    this.path = path;
    this.#read = read;
  }

  /** Resolves when a viewer has its first snapshot; on control, its handshake. */
  static async open(node: Address, path: string, apiKey: string, manner: Manner): Promise<Viewer> {
    reader ??= makeReader();
    const wire = await Wire.open(node, path, { Authorization: `Bearer ${apiKey}` });
    const viewer = new Viewer(wire, path, await reader);
    await wire.shakeHands(manner.capabilities);
    if (manner.content) {
      wire.send({ type: 'channel.create', channelId: CHANNEL, dedicated: true, content: true });
      await wire.next('channel.created');
    }
    if (manner.algorithm) {
      wire.send({ type: 'compression.negotiate', algorithms: [manner.algorithm] });
      await wire.next('compression.negotiated');
    }
    return viewer;
  }

  /** Adds up what has come. */
  take(): this {
    const { frames } = this.wire.socket;
    for (; this.#taken < frames.length; this.#taken++) {
      const frame = frames[this.#taken] ?? '';
      if (typeof frame === 'string') this.#takeText(frame);
      else this.#takeBinary(frame);
    }
    return this;
  }

  of(type: string): JsonMessage[] {
    return this.messages.filter((message) => message.type === type);
  }

  /** All that came, in one text, without what it was packed in. */
  get heard(): string {
    return this.take().#texts.join('\n');
  }

  get edgeLines(): string[] {
    return [...this.edges].map(([pair, kinds]) => `${pair} ${kinds}`).sort();
  }

  close = () => this.wire.close();

  // ---- text

  #takeText(text: string): void {
    this.#texts.push(text);
    const parsed = JSON.parse(text) as JsonMessage & { channel?: string; sequence?: number; message?: JsonMessage };
    if (parsed.channel !== undefined && parsed.message) {
      const { sequence = 0, message } = parsed;
      if (sequence !== ++this.#sequence) this.faults.push(`sequence ${sequence} in place of ${this.#sequence}`);
      this.#takeMessage(message);
    } else this.#takeMessage(parsed);
  }

  #takeMessage(message: JsonMessage): void {
    const { id, type, payload } = message;
    if (id !== undefined && id !== `msg-${++this.#number}`) this.faults.push(`${id} in place of msg-${this.#number}`);
    if (!id && !BARE.has(type)) this.faults.push(`no envelope around ${type}`);
    if (type === 'compression.negotiated') this.#algorithm = String(message.algorithm);
    if (!payload) return;
    this.messages.push(message);
    this.#takePayload(type, payload);
    if (type === 'agent.hidden' || ANSWERS.has(type)) return;
    for (const agentId of named(payload)) {
      if (!this.agents.has(agentId)) this.faults.push(`${type} names ${agentId} before it is registered`);
    }
  }

  #takePayload(type: string, payload: JsonMessage['payload']): void {
    switch (type) {
      case 'agent.registered':
        for (const agent of payload.agents as Listed[]) {
          if (agent.full === (agent.registeredAt === null))
            this.faults.push(`full: ${agent.full}, but ${agent.registeredAt}`);
          const { record, figures, metrics } = this.agents.get(agent.agentId) ?? {};
          const known = { ...(record && { record }), ...(figures && { figures }), ...(metrics && { metrics }) };
          this.agents.set(agent.agentId, { ...agent, ...known });
        }
        return;
      case 'agent.hidden':
        this.agents.delete(String(payload.agentId));
        return;
      case 'agent.state.changed': {
        const { state } = this.agents.get(String(payload.agentId)) ?? {};
        if (state !== payload.previousState) this.faults.push(`${payload.previousState} was ${state}`);
        return this.#change(payload.agentId, { state: String(payload.newState) });
      }
      case 'agent.performance.update':
        return this.#change(payload.agentId, { metrics: payload.metrics as Record<string, unknown> });
      case 'agent.capability.update': {
        const { name } = payload.capability as { name: string };
        const { capabilities = [] } = this.agents.get(String(payload.agentId)) ?? {};
        const others = capabilities.filter((each) => each !== name);
        return this.#change(payload.agentId, {
          capabilities: payload.action === 'remove' ? others : [...others, name],
        });
      }
      case 'graph.edges': {
        const { edges, removed } = payload as unknown as { edges: Edge[]; removed: Edge[] };
        for (const edge of edges) this.edges.set(`${edge.from} ${edge.to}`, edge.kinds.join());
        for (const { from, to } of removed) this.edges.delete(`${from} ${to}`);
        return;
      }
      case 'snapshot.complete':
        this.snapshots++;
        if (payload.agents !== this.agents.size) this.faults.push(`${this.agents.size} agents of ${payload.agents}`);
        return;
      default:
    }
  }

  #change(agentId: unknown, change: Partial<ViewedAgent>): void {
    const agent = this.agents.get(String(agentId));
    if (agent) this.agents.set(agent.agentId, { ...agent, ...change });
  }

  // ---- binary

  #takeBinary(bytes: Buffer): void {
    const unpack = unpackers[this.#algorithm] ?? Buffer.from;
    const isBatch = bytes[4] === 5;
    const isPacked = isBatch || ((bytes[5] ?? 0) & 1) === 1;
    const plain = isPacked ? unpack(bytes.subarray(isBatch ? BATCH_HEADER_BYTES : HEADER_BYTES)) : bytes;
    this.#texts.push(plain.toString('latin1'));
    for (const frame of this.#read(bytes, unpack)) this.#takeFrame(frame);
  }

  #takeFrame({ name, records, fields }: ReadFrame): void {
    if (name === 'coordination') {
      for (const agentId of named(JSON.parse(String(fields.json)))) {
        if (!this.agents.has(agentId)) this.faults.push(`a frame names ${agentId} before it is registered`);
      }
    }
    for (const record of records) {
      const agent = [...this.agents.values()].find(({ wireId }) => wireId === record.id);
      if (!agent) {
        this.faults.push(`${name} of ${record.id} before it is registered`);
      } else if (name === 'states') {
        const metadata = record.metadata === '' ? {} : JSON.parse(String(record.metadata));
        const state = STATE_NAMES.get(Number(record.state)) ?? '?';
        this.#change(agent.agentId, { record: { state, flags: Number(record.flags), metadata } });
      } else if (name === 'performance') {
        this.#change(agent.agentId, { figures: { tasks: Number(record.tasks) } });
      }
    }
  }
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly kinds: readonly string[];
}

/** Without an envelope. */
const BARE = new Set(['handshake_ack', 'version.negotiated', 'compression.negotiated', 'heartbeat', 'heartbeat_ack']);
/** To what the client itself has said. */
const ANSWERS = new Set(['error', 'control.accepted', 'control.result', 'coordination.initiated']);

/** Ids of agents in a payload, by the names of the fields that hold them. */
function named(payload: Record<string, unknown>): string[] {
  const { agentId, from, to, initiator, participants, votes } = payload;
  const ids = [agentId, ...[from, to, initiator, participants].flat().map(idOf)];
  if (typeof votes === 'object' && votes !== null) ids.push(...Object.keys(votes));
  const edges = [payload.edges].flat().flatMap((edge) => {
    const { from: one, to: other } = (edge ?? {}) as { from?: unknown; to?: unknown };
    return [one, other];
  });
  return [...ids, ...edges].filter((id) => typeof id === 'string');
}

const idOf = (value: unknown) =>
  typeof value === 'object' && value !== null && 'id' in value ? (value as { id: unknown }).id : value;
