import { Socket } from 'phoenix';
import nacl from 'tweetnacl';
import WebSocket from 'ws';
import { Mailbox } from './mailbox.ts';
import { Topic } from './topic.ts';

interface Message {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
}

/** One side of a deal: an id, a signing key, a socket and an inbox. */
export class Agent {
  readonly id: string;
  readonly #url: string;
  readonly #apiKey: string;
  readonly #networkId: string;
  readonly #secretKey: Uint8Array;
  readonly #socket: Socket;
  readonly #inbox = new Mailbox();

  private constructor(url: string, id: string, apiKey: string, networkId: string, secretKey: Uint8Array) {
    this.id = id;
    this.#url = url;
    this.#apiKey = apiKey;
    this.#networkId = networkId;
    this.#secretKey = secretKey;
    this.#socket = new Socket(`${url.replace('http', 'ws')}/socket`, {
      params: { api_key: apiKey },
      transport: WebSocket as never,
    });
  }

  /** Makes the agent and its keys; a real one would be registered once and keep both. */
  static async register(url: string, adminToken: string, name: string): Promise<Agent> {
    const keys = nacl.sign.keyPair();
    const body = { name, public_key: Buffer.from(keys.publicKey).toString('base64') };
    const made = await http<{ agent: { id: string }; api_key: string }>(url, adminToken, '/api/agents', body);
    const { network_id } = await http<{ network_id: string }>(url, adminToken, '/health');
    const agent = new Agent(url, made.agent.id, made.api_key, network_id, keys.secretKey);
    await agent.#connect();
    return agent;
  }

  async #connect(): Promise<void> {
    this.#socket.connect();
    const inbox = this.topic(`messages:${this.id}`);
    const seen = new Set<string>();
    inbox.channel.on('new_message', async ({ id, type, payload }: Message) => {
      // Comes at least once. An agent that may be killed acknowledges when it has done what the message wants.
      await inbox.push('acknowledge', { message_id: id });
      if (!seen.has(id)) this.#inbox.put(type, payload);
      seen.add(id);
    });
    await inbox.join();
  }

  topic(name: string, events: readonly string[] = []): Topic {
    return new Topic(this.#socket.channel(name), events);
  }

  post<Body>(path: string, body: object): Promise<Body> {
    return http(this.#url, this.#apiKey, path, body);
  }

  send(to: string, type: string, payload: object): Promise<unknown> {
    return this.post('/api/messages', { to_agent_id: to, type, payload });
  }

  /** The payload of the next message of this type. */
  receive<Payload>(type: string): Promise<Payload> {
    return this.#inbox.take(type);
  }

  /** @param lines of `texts.ts` */
  sign(lines: readonly (string | number)[]): string {
    const text = [`aerie.v1:${this.#networkId}`, ...lines].join('\n');
    return Buffer.from(nacl.sign.detached(new TextEncoder().encode(text), this.#secretKey)).toString('base64');
  }

  leave(): void {
    this.#socket.disconnect();
  }
}

async function http<Body>(url: string, credential: string, path: string, body?: object): Promise<Body> {
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' };
  const response = await fetch(
    url + path,
    body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers },
  );
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Body;
}
