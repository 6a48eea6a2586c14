import { atOnce } from '../generator/at_once.ts';
import { closedLoop } from '../generator/closed_loop.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient, type RegisteredAgent } from '../generator/platform_client.ts';
import { WebSocketConnection } from '../generator/websocket.ts';
import { loadOf } from '../generator/window.ts';
import { loadFigures, type Scenario } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';

const SESSIONS = 50;
const AGENTS = 10;

interface Created {
  readonly session_id: string;
  readonly token: string;
}

/** A person who says one thing after the other, and waits for the answer. */
class Person {
  readonly #connection: WebSocketConnection;
  #answered: (() => void) | undefined;

  constructor(port: number, { session_id: id, token }: Created, opened: () => void) {
    this.#connection = new WebSocketConnection(port, `/ws/user-agent/${id}?token=${token}`, {
      onOpen: opened,
      onText: (bytes, start, end) => {
        const { type, data } = JSON.parse(bytes.toString('utf8', start, end));
        if (type === 'ERROR') throw new Error(`a session was refused: ${JSON.stringify(data)}`);
        if (type === 'AGENT_MESSAGE') this.#answered?.();
      },
      onClosed: (cause) => {
        throw new Error(`a session was closed: ${cause}`);
      },
    });
  }

  ask(): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#connection.sendText(JSON.stringify({ type: 'USER_MESSAGE', data: { content: 'how are you?' } }));
    });
  }
}

async function openSession(client: PlatformClient, agent: RegisteredAgent, socket: PhoenixSocket): Promise<Person> {
  const { api_key: key } = await client.post<{ readonly api_key: string }>('/api/users', { name: 'a person' });
  const created = await client.post<Created>('/api/sessions', { agent_id: agent.id }, key);
  const topic = `session:${created.session_id}`;
  await socket.join(topic, {}, (event, { execution_id }: { readonly execution_id: string }) => {
    if (event === 'user_message') void socket.push(topic, 'agent_message', { content: 'fine', execution_id });
  });
  return new Promise((resolve) => {
    const person: Person = new Person(client.port, created, () => resolve(person));
  });
}

export const sessionsScenario: Scenario = {
  name: 'sessions',
  asks: '50 people ask 10 agents, and wait for the answer: both messages are durable before anybody is told',
  contestants: [embedded(), onRedis()],
  figures: [
    { key: 'perSecond', label: 'questions answered a second', unit: '/s', better: 'more', isPlotted: true },
    { key: 'cpuUsEach', label: 'CPU of the server for one', unit: 'µs', better: 'less' },
    { key: 'p50Ms', label: 'p50 until the answer', unit: 'ms', better: 'less' },
    { key: 'p99Ms', label: 'p99 until the answer', unit: 'ms', better: 'less' },
    ...loadFigures,
  ],
  needs: { redis: true },
  async drive(subject, scale) {
    const client = new PlatformClient(subject);
    const agents = await atOnce(AGENTS, AGENTS, async () => {
      const agent = await client.register();
      return { agent, socket: await PhoenixSocket.connect(client.port, agent.apiKey) };
    });
    const people = await atOnce(SESSIONS, AGENTS, async (i) => {
      const { agent, socket } = agents[i % AGENTS] ?? {};
      if (!agent || !socket) throw new Error('no agent');
      return openSession(client, agent, socket);
    });
    const loop = await closedLoop(subject, scale, SESSIONS, async (i) => people[i]?.ask());
    const { used, perSecond, cpuUsEach, p50Ms, p99Ms } = loop;
    return { perSecond, cpuUsEach, p50Ms, p99Ms, ...loadOf(used) };
  },
};
