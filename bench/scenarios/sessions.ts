import { atOnce } from '../generator/at_once.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient, type RegisteredAgent } from '../generator/platform_client.ts';
import { WebSocketConnection } from '../generator/websocket.ts';
import { loopFigures } from './figures.ts';
import { onBothStores } from './on_both_stores.ts';

const SESSIONS = 50;
const AGENTS = 10;

interface Created {
  readonly session_id: string;
  readonly token: string;
}

interface Asked {
  readonly execution_id: string;
  readonly content: string;
}

/** A person who says one thing after the other, and waits for the answer. */
class Person {
  readonly #connection: WebSocketConnection;
  #answered: (() => void) | undefined;
  #asked = 0;

  constructor(port: number, { session_id: id, token }: Created, opened: () => void) {
    this.#connection = new WebSocketConnection(port, `/ws/user-agent/${id}?token=${token}`, {
      onOpen: opened,
      onText: (bytes, start, end) => {
        const { type, data } = JSON.parse(bytes.toString('utf8', start, end));
        if (type === 'ERROR') throw new Error(`a session was refused: ${JSON.stringify(data)}`);
        if (type === 'AGENT_MESSAGE') this.#heard(data.content);
      },
      onClosed: (cause) => {
        throw new Error(`a session was closed: ${cause}`);
      },
    });
  }

  ask(): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#connection.sendText(
        JSON.stringify({ type: 'USER_MESSAGE', data: { content: `question ${++this.#asked}` } }),
      );
    });
  }

  /** Agents answer with the question: an answer that comes twice is not taken for the next one's. */
  #heard(content: string): void {
    if (content !== `question ${this.#asked}`) throw new Error(`"${content}" came as the answer to ${this.#asked}`);
    this.#answered?.();
    this.#answered = undefined;
  }
}

async function openSession(client: PlatformClient, agent: RegisteredAgent, socket: PhoenixSocket): Promise<Person> {
  const { api_key: key } = await client.post<{ readonly api_key: string }>('/api/users', { name: 'a person' });
  const created = await client.post<Created>('/api/sessions', { agent_id: agent.id }, key);
  const topic = `session:${created.session_id}`;
  await socket.join(topic, {}, (event, { execution_id, content }: Asked) => {
    if (event === 'user_message') void socket.push(topic, 'agent_message', { content, execution_id });
  });
  return new Promise((resolve) => {
    const person: Person = new Person(client.port, created, () => resolve(person));
  });
}

export const sessionsScenario = onBothStores({
  name: 'sessions',
  asks: '50 people ask 10 agents, and wait for the answer: both messages are durable before anybody is told',
  figures: loopFigures('questions answered', 'until the answer'),
  async prepare(subject) {
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
    return { workers: SESSIONS, work: async (i) => people[i]?.ask() };
  },
});
