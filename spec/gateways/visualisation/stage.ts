import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ControlAnswer,
  ControlCaller,
  ControlForGateways,
  ControlRequest,
} from '../../../channels/control/port.ts';
import {
  type Audience,
  audienceKey,
  type Observation,
  type Performance,
  type Scene,
  type SceneListener,
  type SeenAgent,
  type SeenEdge,
  type Sighting,
} from '../../../channels/observation/scene.ts';
import { readSecrets } from '../../../channels/principals/secrets.ts';
import type { CoordinationsPort } from '../../../gateways/visualisation/commands.ts';
import { type VisualisationSettings, visualisationFeature } from '../../../gateways/visualisation/feature.ts';
import { openBackend } from '../../../platform/backend.ts';
import { readConfig } from '../../../platform/config.ts';
import { openDomains } from '../../../platform/domains.ts';
import { startNode } from '../../../platform/node.ts';
import { type Log, type Refusal, silentLog, Unavailable } from '../../../server/index.ts';
import { ADMIN_TOKEN, type Address, addressOf } from '../../support/aerie.ts';
import { connect, type SocketClient } from '../../support/frames.ts';

/** An agent that is seen in full and does nothing. */
export function seen(wireId: number, of: Partial<SeenAgent> = {}): SeenAgent {
  return {
    agentId: `agent-${wireId}`,
    wireId,
    name: `Agent ${wireId}`,
    namespace: 'u-1',
    capabilities: ['math'],
    state: 'IDLE',
    full: true,
    registeredAtMs: 1_000,
    flags: 1,
    metadata: {},
    performance: null,
    place: null,
    ...of,
  };
}

export function figures(of: Partial<Performance['metrics']> = {}): Performance {
  const unknown = { successRate: null, averageResponseTime: null, resourceUtilization: null, memoryUsage: null };
  const counts = { tasksCompleted: 0, uptime: 0, messageQueueSize: 0, connectionCount: 0 };
  return {
    metrics: { ...counts, ...unknown, communicationEfficiency: null, ...of },
    trends: { successRateTrend: 'unknown', responseTrend: 'unknown', loadTrend: 'unknown' },
  };
}

/** What an audience of a spec sees. */
export class ScriptedScene implements Scene {
  readonly audience: Audience;
  readonly listener: SceneListener;
  agents: SeenAgent[] = [];
  edges: SeenEdge[] = [];
  snapshots = 0;
  isClosed = false;

  constructor(audience: Audience, listener: SceneListener) {
    this.audience = audience;
    this.listener = listener;
  }

  snapshot() {
    this.snapshots++;
    return { atMs: 2_000, agents: this.agents, edges: this.edges };
  }

  close() {
    this.isClosed = true;
  }

  see(...sightings: Sighting[]) {
    this.listener.see(sightings);
  }
}

/** Shows what a spec says. */
export class ScriptedObservation implements Observation {
  readonly scenes = new Map<string, ScriptedScene>();
  agents: SeenAgent[] = [];
  edges: SeenEdge[] = [];
  isAway = false;
  /** Waited for before a scene is there. */
  opening: Promise<void> = Promise.resolve();

  async open(audience: Audience, listener: SceneListener) {
    await this.opening;
    if (this.isAway) throw new Unavailable('out of reach');
    const scene = new ScriptedScene(audience, listener);
    scene.agents = this.agents;
    scene.edges = this.edges;
    this.scenes.set(audienceKey(audience), scene);
    return scene;
  }

  get admin(): ScriptedScene {
    const scene = this.scenes.get('admin');
    if (!scene) throw new Error('nobody looks on');
    return scene;
  }
}

/** Commands as they came, and a way to answer each. */
export class ScriptedControl implements ControlForGateways {
  readonly calls: {
    readonly caller: ControlCaller;
    readonly request: ControlRequest;
    readonly tell: (answer: ControlAnswer) => void;
    readonly end: (error?: Error) => void;
    isStopped: boolean;
  }[] = [];
  configured: unknown[] = [];
  configure: ControlForGateways['configure'] = async (_caller, payload) => {
    this.configured.push(payload);
    return { ok: true, multiAgentId: 'm-1', version: 3, configuration: { topology: 'RING' }, members: ['agent-1'] };
  };

  execute(caller: ControlCaller, request: ControlRequest, tell: (answer: ControlAnswer) => void) {
    let end: (error?: Error) => void = () => {};
    const done = new Promise<void>((resolve, reject) => {
      end = (error) => (error ? reject(error) : resolve());
    });
    const call = { caller, request, tell, end, isStopped: false };
    this.calls.push(call);
    const stop = () => {
      call.isStopped = true;
      end();
    };
    return { done, stop };
  }
}

export class ScriptedCoordinations implements CoordinationsPort {
  readonly payloads: unknown[] = [];
  answer: { readonly ok: true; readonly coordination: object } | Refusal = { ok: true, coordination: {} };

  async initiate(_caller: unknown, payload: unknown) {
    this.payloads.push(payload);
    return this.answer;
  }
}

export interface StageOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Partial<VisualisationSettings>;
  readonly log?: Log;
}

/** A node in this process with the gateway, and scripts in place of the domains behind it. */
export interface StagedNode extends Address {
  readonly observation: ScriptedObservation;
  readonly control: ScriptedControl;
  readonly coordinations: ScriptedCoordinations;
  stop(drainMs?: number): Promise<void>;
}

export async function startStage({ env = {}, settings = {}, log = silentLog }: StageOptions = {}): Promise<StagedNode> {
  const dir = await mkdtemp(join(tmpdir(), 'aerie-data-'));
  const unlimited = { HTTP_RATE_LIMIT: '0', MAX_SOCKETS_PER_AGENT: '1000' };
  const own = { DATA_DIR: dir, PORT: '0', ORBIT_PORT: '0', ADMIN_TOKEN };
  const config = readConfig({ ...unlimited, ...own, ...env });
  const backend = await openBackend(config, log, () => {});
  const secrets = await readSecrets(backend.store, config);
  const observation = new ScriptedObservation();
  const control = new ScriptedControl();
  const coordinations = new ScriptedCoordinations();
  const node = await startNode({
    config,
    backend,
    secrets,
    log,
    domains: (context) => [
      ...openDomains(context),
      visualisationFeature({
        ...context,
        observation,
        control,
        coordinations,
        visualisation: { ...config.visualisation, maxFrameBytes: config.maxFrameBytes, ...settings },
      }),
    ],
  });
  let isStopped = false;
  return {
    ...addressOf(`http://127.0.0.1:${node.port}`),
    observation,
    control,
    coordinations,
    async stop(drainMs = 0) {
      if (isStopped) return;
      isStopped = true;
      await node.stop(drainMs);
      await rm(dir, { recursive: true });
    },
  };
}

export const ALL = ['binary', 'compression', 'multiplexing', 'streaming'];
export const PATHS = {
  agents: '/api/visualisation/agents/ws',
  graph: '/api/graph/ws',
  control: '/api/control/ws',
} as const;

export interface Envelope {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly payload: Readonly<Record<string, unknown>> & { readonly details?: Readonly<Record<string, unknown>> };
  readonly metadata?: { readonly correlationId?: string; readonly priority?: string; readonly ttl?: number };
}
export type JsonMessage = Envelope & Readonly<Record<string, unknown>>;

/** A socket of the wire. */
export class Wire {
  readonly socket: SocketClient;

  constructor(socket: SocketClient) {
    this.socket = socket;
  }

  static async open(
    { url }: Address,
    path: string = PATHS.agents,
    headers: Record<string, string> = { Authorization: `Bearer ${ADMIN_TOKEN}` },
  ): Promise<Wire> {
    return new Wire(await connect(`${url}${path}`, { headers }));
  }

  /** Opens, shakes hands and takes the snapshot. */
  static async on(node: Address, path: string = PATHS.agents, capabilities: readonly string[] = ALL): Promise<Wire> {
    const wire = await Wire.open(node, path);
    await wire.shakeHands(capabilities);
    if (path !== PATHS.control) await wire.next('snapshot.complete');
    return wire;
  }

  send(message: unknown): void {
    void this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  shakeHands(capabilities: readonly string[] = ALL, version = '1.0.0'): Promise<JsonMessage> {
    this.send({ type: 'handshake', version, capabilities, clientId: 'c-1', timestamp: '2024-01-10T12:00:00Z' });
    return this.next('handshake_ack');
  }

  /** Takes frames until the next JSON message of a type. */
  async next(type: string): Promise<JsonMessage> {
    for (;;) {
      const frame = await this.socket.next();
      if (typeof frame !== 'string') continue;
      const message = JSON.parse(frame) as JsonMessage;
      if (message.type === type) return message;
      if (message.type === 'error') throw new Error(`an error came in place of ${type}: ${frame}`);
    }
  }

  /** Takes frames until the next binary one. */
  async nextBinary(): Promise<Buffer> {
    for (;;) {
      const frame = await this.socket.next();
      if (typeof frame !== 'string') return frame;
    }
  }

  /** Takes the next frame, which is an error. */
  async nextError(): Promise<JsonMessage> {
    const frame = await this.socket.next();
    const message = JSON.parse(String(frame)) as JsonMessage;
    if (message.type !== 'error') throw new Error(`no error: ${frame}`);
    return message;
  }

  /** Has the server answer, and takes everything that came before. */
  async settle(): Promise<void> {
    const id = `settle-${randomUUID()}`;
    this.send({ type: 'heartbeat', id });
    while ((await this.next('heartbeat_ack')).correlationId !== id);
  }

  /** JSON messages so far. */
  get json(): JsonMessage[] {
    return this.socket.frames
      .filter((frame) => typeof frame === 'string')
      .map((frame) => JSON.parse(frame) as JsonMessage);
  }

  get binary(): Buffer[] {
    return this.socket.frames.filter((frame) => typeof frame !== 'string');
  }

  of(type: string): JsonMessage[] {
    return this.json.filter((message) => message.type === type);
  }

  /** The error that the socket ends with, and its close code. */
  async refusal(): Promise<{ code: number; error: unknown; reason: unknown }> {
    const { code } = await this.socket.ended();
    const error = this.of('error').at(-1);
    return { code, error: error?.payload.code, reason: error?.payload.details?.reason };
  }

  async close(): Promise<void> {
    await this.socket.close();
  }
}
