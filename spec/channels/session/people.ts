import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, type Address, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, type SocketClient } from '../../support/frames.ts';
import { Client, type Topic } from '../../support/official_client.ts';

export interface TestUser {
  readonly id: string;
  readonly apiKey: string;
  readonly keyId: string;
}

export interface Access {
  readonly session_id: string;
  readonly token: string;
  readonly ws_url: string;
  readonly expires_at: string;
}

export async function registerUser(aerie: Address): Promise<TestUser> {
  const made = await aerie.call<{ user: { id: string }; api_key: string; key_id: string }>(
    'POST',
    '/api/users',
    ADMIN_TOKEN,
    { name: 'Grace' },
  );
  const { user, api_key: apiKey, key_id: keyId } = made.body;
  return { id: user.id, apiKey, keyId };
}

/** An agent with a capability that nobody else has. */
export async function assistant(aerie: Address): Promise<TestAgent & { readonly capability: string }> {
  const capability = `assistant-${randomUUID()}`;
  const agent = await registerAgent(aerie, { capabilities: [{ name: capability, price: '0.1' }] });
  return { ...agent, capability };
}

export async function makeSession(aerie: Address, user: TestUser, fields: object): Promise<Access> {
  const made = await aerie.call<Access>('POST', '/api/sessions', user.apiKey, fields);
  if (made.status !== 201) throw new Error(`no session: ${JSON.stringify(made)}`);
  return made.body;
}

export async function giveCredits(aerie: Address, user: TestUser, amount: string): Promise<void> {
  const path = `/api/users/${user.id}/credits`;
  const given = await aerie.call('POST', path, ADMIN_TOKEN, { id: randomUUID(), amount_usdc: amount });
  if (given.status !== 201) throw new Error(`no credits: ${JSON.stringify(given)}`);
}

export interface Entry {
  readonly seq: number;
  readonly type: string;
  readonly [name: string]: unknown;
}

export interface SessionAnswer {
  readonly session: Readonly<Record<string, unknown>>;
  readonly entries: readonly Entry[];
  readonly next_cursor?: string;
}

export async function readSession(aerie: Address, id: string, query = ''): Promise<SessionAnswer> {
  const { body } = await aerie.call<SessionAnswer>('GET', `/api/sessions/${id}${query}`, ADMIN_TOKEN);
  return body;
}

export interface Told {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A user's socket in the orchestrator's dialect. */
export class Chat {
  readonly socket: SocketClient;

  constructor(socket: SocketClient) {
    this.socket = socket;
  }

  /** @param node another one than the session's address names */
  static async open({ session_id: id, token }: Access, node: Address, query = ''): Promise<Chat> {
    return new Chat(await connect(`${node.url}/ws/user-agent/${id}?token=${token}${query}`));
  }

  /**
   * As `open`; resolves when the server has stored that the user is connected. Comes again where the server says so, as a client
   * does: on a busy machine the store may not have answered in time.
   */
  static async connected(access: Access, node: Address): Promise<Chat> {
    let chat = await Chat.open(access, node);
    await eventually(async () => {
      if (chat.socket.ws.readyState !== WebSocket.OPEN) chat = await Chat.open(access, node);
      expect((await readSession(node, access.session_id)).session.phase).not.toBe('STARTED');
    }, 40_000);
    return chat;
  }

  send(type: string, data?: object): void {
    void this.socket.send(JSON.stringify({ type, ...(data && { data }) }));
  }

  say(content: string, more: object = {}): void {
    this.send('USER_MESSAGE', { content, ...more });
  }

  get told(): Told[] {
    return this.socket.frames.map((frame) => JSON.parse(String(frame)) as Told);
  }

  of(type: string): Told['data'][] {
    return this.told.filter((each) => each.type === type).map(({ data }) => data);
  }

  /** The first frame of this type, or the `nth`. */
  until(type: string, nth = 1): Promise<Told['data']> {
    return eventually(() => {
      const found = this.of(type)[nth - 1];
      if (!found) throw new Error(`no ${type} ${nth}: ${JSON.stringify(this.told)}`);
      return found;
    }, 15_000);
  }
}

/** An agent's client. */
export function agentClient(node: Address, agent: TestAgent): Client {
  return new Client(node.url, { params: { api_key: agent.apiKey } });
}

/** An agent that is online, with its own topic. */
export async function comeOnline(client: Client, agent: TestAgent): Promise<Topic> {
  await client.join('agents:discovery');
  return client.join(`agent:${agent.id}`);
}
