import type { ControlForGateways } from '../../../channels/control/port.ts';
import type {
  Audience,
  Observation,
  Scene,
  SceneListener,
  SeenAgent,
  SeenEdge,
  Sighting,
} from '../../../channels/observation/scene.ts';
import { readSecrets } from '../../../channels/principals/secrets.ts';
import { openBackend } from '../../../platform/backend.ts';
import { readConfig } from '../../../platform/config.ts';
import { openDomains } from '../../../platform/domains.ts';
import { startNode } from '../../../platform/node.ts';
import { silentLog } from '../../../server/log.ts';
import { ADMIN_TOKEN, type Address, addressOf } from '../../support/aerie.ts';

export interface ObservedNode extends Address {
  readonly observation: Observation;
  readonly control: ControlForGateways;
  /** Resolves when what is due by the store's clock is done. */
  handleDue(): Promise<void>;
  stop(drainMs?: number): Promise<void>;
}

const UNLIMITED = { HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', MAX_SOCKETS_PER_AGENT: '200', ORBIT_PORT: '0' };

/** A node in this process, so that what it shows can be had without a wire. */
export async function observedNode(env: Record<string, string>): Promise<ObservedNode> {
  const config = readConfig({ HOST: '127.0.0.1', PORT: '0', ADMIN_TOKEN, DRAIN_MS: '0', ...UNLIMITED, ...env });
  const backend = await openBackend(config, silentLog, () => {});
  const secrets = await readSecrets(backend.store, config);
  let observation: Observation | undefined;
  let control: ControlForGateways | undefined;
  const node = await startNode({
    config,
    backend,
    secrets,
    log: silentLog,
    domains(context) {
      const domains = openDomains(context);
      const named = (name: string) => domains.find((domain) => domain.name === name);
      ({ observation } = named('observation') as { observation?: Observation });
      ({ control } = named('control') as { control?: ControlForGateways });
      return domains;
    },
  });
  if (!observation || !control) throw new Error('this node observes nothing');
  return {
    ...addressOf(`http://127.0.0.1:${node.port}`),
    observation,
    control,
    handleDue: () => node.handleDue(),
    stop: (drainMs = 0) => node.stop(drainMs),
  };
}

/** One audience's look, adding up what it is told. */
export class Observer implements SceneListener {
  readonly audience: Audience;
  readonly sightings: Sighting[] = [];
  readonly #agents = new Map<string, SeenAgent>();
  readonly #edges = new Map<string, SeenEdge>();
  losses = 0;
  #scene: Scene | undefined;

  constructor(audience: Audience) {
    this.audience = audience;
  }

  static async open(observation: Observation, audience: Audience): Promise<Observer> {
    const observer = new Observer(audience);
    observer.#scene = await observation.open(audience, observer);
    observer.#takeAnew();
    return observer;
  }

  see(sightings: readonly Sighting[]): void {
    for (const sighting of sightings) {
      this.sightings.push(sighting);
      this.#add(sighting);
    }
  }

  lost(): void {
    this.losses++;
    this.#takeAnew();
  }

  close(): void {
    this.#scene?.close();
  }

  agent(id: string): SeenAgent | undefined {
    return this.#agents.get(id);
  }

  of<K extends Sighting['kind']>(kind: K): Extract<Sighting, { kind: K }>[] {
    return this.sightings.filter((sighting) => sighting.kind === kind) as Extract<Sighting, { kind: K }>[];
  }

  /** The last `system.metrics`. @throws Error before the first */
  get system(): object {
    const [last] = this.of('system').slice(-1);
    if (!last) throw new Error('nothing of the system yet');
    return last.payload;
  }

  /** Changes of an agent's state, as lines. */
  statesOf(id: string): string[] {
    return this.of('state').flatMap(({ agentId, previousState, newState, reason }) =>
      agentId === id ? [`${previousState} > ${newState}: ${reason}`] : [],
    );
  }

  /** What was added up, without what passes with time. */
  get addedUp() {
    return comparable([...this.#agents.values()], [...this.#edges.values()]);
  }

  get snapshot() {
    const { agents = [], edges = [] } = this.#scene?.snapshot() ?? {};
    return comparable(agents, edges);
  }

  #takeAnew(): void {
    this.#agents.clear();
    this.#edges.clear();
    const { agents = [], edges = [] } = this.#scene?.snapshot() ?? {};
    for (const agent of agents) this.#agents.set(agent.agentId, agent);
    for (const edge of edges) this.#edges.set(pairOf(edge), edge);
  }

  #change(id: string, change: Partial<SeenAgent>): void {
    const agent = this.#agents.get(id);
    if (!agent) throw new Error(`${id} was told of before it was registered: ${JSON.stringify(change)}`);
    this.#agents.set(id, { ...agent, ...change });
  }

  #add(sighting: Sighting): void {
    switch (sighting.kind) {
      case 'registered':
        for (const agent of sighting.agents) this.#agents.set(agent.agentId, agent);
        return;
      case 'hidden':
        this.#agents.delete(sighting.agentId);
        return;
      case 'state':
        return this.#change(sighting.agentId, { state: sighting.newState });
      case 'records':
        for (const { agentId, state, flags, metadata } of sighting.agents) {
          this.#change(agentId, { state, flags, metadata });
        }
        return;
      case 'performance':
        return this.#change(sighting.agentId, { performance: sighting.performance });
      case 'capability': {
        const { agentId, action, capability } = sighting;
        const { capabilities = [] } = this.#agents.get(agentId) ?? {};
        const others = capabilities.filter((name) => name !== capability.name);
        return this.#change(agentId, { capabilities: action === 'remove' ? others : [...others, capability.name] });
      }
      case 'edges':
        for (const edge of sighting.edges) this.#edges.set(pairOf(edge), edge);
        for (const pair of sighting.removed) this.#edges.delete(pairOf(pair));
        return;
      default:
    }
  }
}

const pairOf = ({ from, to }: { readonly from: string; readonly to: string }) => `${from} ${to}`;

function comparable(agents: readonly SeenAgent[], edges: readonly SeenEdge[]) {
  return {
    agents: agents
      .map(({ performance, capabilities, place: _, ...agent }) => ({
        ...agent,
        capabilities: capabilities.toSorted(),
        performance: performance && { ...performance, metrics: { ...performance.metrics, uptime: 0 } },
      }))
      .sort((one, other) => one.wireId - other.wireId),
    edges: edges.map(({ from, to, kinds }) => `${from} ${to} ${kinds.join()}`).sort(),
  };
}

/** All of a list of the HTTP API. */
export async function wholeList<T>(node: Address, path: string, name: string, credential = ADMIN_TOKEN): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | undefined;
  do {
    const mark = path.includes('?') ? '&' : '?';
    const at = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await node.call<Record<string, unknown>>(
      'GET',
      `${path}${mark}limit=100${at}`,
      credential,
    );
    if (status !== 200) throw new Error(`${path}: ${JSON.stringify(body)}`);
    found.push(...(body[name] as T[]));
    cursor = body.next_cursor as string | undefined;
  } while (cursor !== undefined);
  return found;
}
