import {
  type Address,
  type Aerie,
  type Place,
  registerAgent,
  startAerie,
  type TestAgent,
} from '../../support/aerie.ts';
import { deployments } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, type SocketClient } from '../../support/frames.ts';
import { freePort } from '../../support/free_port.ts';
import { Client, type Topic } from '../../support/official_client.ts';

/** A node with the port of the dialect. */
export interface OrbitNode {
  readonly aerie: Aerie;
  readonly port: number;
}

export async function startOrbit(place: Place, env: Record<string, string> = {}): Promise<OrbitNode> {
  const port = await freePort();
  const aerie = await startAerie({ ...place.env, HTTP_RATE_LIMIT: '0', ORBIT_PORT: `${port}`, ...env });
  return { aerie, port };
}

export interface OrbitNodes {
  readonly here: OrbitNode;
  /** Another node where there is one. */
  readonly there: OrbitNode;
}

/** Runs the same examples on both stores. */
export function onEveryStore(env: Record<string, string>, what: string, examples: (nodes: () => OrbitNodes) => void) {
  describe.each(deployments)(`${what}, %s`, (_name, count, makePlace) => {
    let place: Place;
    let nodes: OrbitNode[];
    beforeAll(async () => {
      place = await makePlace();
      nodes = await Promise.all(Array.from({ length: count }, () => startOrbit(place, env)));
    });
    afterAll(async () => {
      await Promise.all(nodes.map(({ aerie }) => aerie.stop()));
      await place.remove();
    });
    examples(() => ({ here: nodes[0], there: nodes.at(-1) }) as OrbitNodes);
  });
}

export interface Told {
  readonly type: string;
  readonly timestamp: string;
  readonly execution_id?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A page that speaks the dialect. */
export class Page {
  readonly socket: SocketClient;

  constructor(socket: SocketClient) {
    this.socket = socket;
  }

  static async open(
    { port }: Pick<OrbitNode, 'port'>,
    query = '',
    headers: Record<string, string> = {},
  ): Promise<Page> {
    return new Page(await connect(`ws://127.0.0.1:${port}/ws${query}`, { headers }));
  }

  send(frame: unknown): void {
    void this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  say(content: string): void {
    this.send({ type: 'user_message', content });
  }

  get told(): Told[] {
    return this.socket.frames.map((frame) => JSON.parse(String(frame)) as Told);
  }

  get types(): string[] {
    return this.told.map(({ type }) => type);
  }

  /** What belongs to one message. */
  of(executionId: string | undefined): Told[] {
    return this.told.filter(({ execution_id }) => execution_id === executionId);
  }

  get errors(): unknown[] {
    return this.told.filter(({ type }) => type === 'error').map(({ data }) => data.message);
  }

  /** The first frame of this type, or the `nth`. */
  until(type: string, nth = 1, withinMs = 20_000): Promise<Told> {
    return eventually(() => {
      const found = this.told.filter((each) => each.type === type)[nth - 1];
      if (!found)
        throw new Error(
          `no ${type} ${nth} on a socket in state ${this.socket.ws.readyState}: ${JSON.stringify(this.told)}`,
        );
      return found;
    }, withinMs);
  }
}

export interface Served {
  readonly agent: TestAgent;
  readonly client: Client;
  readonly own: Topic;
  /** Joins a session that the agent was given: the `nth`. */
  session(nth?: number): Promise<Topic>;
}

/** An agent of the capability that is online. */
export async function serve(node: Address, capability = 'assistant'): Promise<Served> {
  const agent = await registerAgent(node, { capabilities: [{ name: capability, price: '0.1' }] });
  return { agent, ...(await come(node, agent)) };
}

export async function come(node: Address, agent: TestAgent): Promise<Omit<Served, 'agent'>> {
  const client = new Client(node.url, { params: { api_key: agent.apiKey } });
  await client.join('agents:discovery');
  const own = await client.join(`agent:${agent.id}`);
  const session = async (nth = 1) => {
    const { id } = await eventually(() => {
      const given = own.events('session_assigned')[nth - 1] as { session: { id: string } } | undefined;
      if (!given) throw new Error(`no session ${nth} was assigned`);
      return given.session;
    });
    return client.join(`session:${id}`);
  };
  return { client, own, session };
}

export interface Heard {
  readonly seq: number;
  readonly execution_id: string;
  readonly content: string;
}

/** The user messages that an agent has, once there are so many. */
export function heard(topic: Topic, count = 1): Promise<Heard[]> {
  return eventually(() => {
    const messages = topic.events('user_message') as Heard[];
    if (messages.length < count) throw new Error(`${messages.length} messages instead of ${count}`);
    return messages;
  });
}
