import type { Purpose, SignedFields } from '../../../crypto/signed_text.ts';
import { ADMIN_TOKEN, type Address, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { sign } from '../../support/signing.ts';
import { type Access, Chat, readSession, type SessionAnswer } from '../session/people.ts';
import { AGENTS, OWNERS } from './day.ts';
import { agentsOf } from './questions.ts';

/** An agent that does nothing but look. */
const ONLOOKER = 'onlooker';

/** The agents and users of a day, each with a socket at either entrance: two nodes, or the same one twice. */
export class People {
  readonly online = new Set<string>();
  readonly #networkId: string;
  readonly #agents = new Map<string, TestAgent>();
  readonly #apiKeys = new Map<string, string>();
  #entrances: readonly [Address, Address];
  #clients = new Map<string, Client>();
  #presences = new Map<string, Topic>();

  private constructor(entrances: readonly [Address, Address], networkId: string) {
    this.#entrances = entrances;
    this.#networkId = networkId;
  }

  static async register(entrances: readonly [Address, Address], networkId: string): Promise<People> {
    const people = new People(entrances, networkId);
    const [node] = entrances;
    for (const id of new Set(Object.values(OWNERS))) {
      if (id === null) continue;
      const { body } = await node.call<{ api_key: string }>('POST', '/api/users', ADMIN_TOKEN, { id, name: id });
      people.#apiKeys.set(id, body.api_key);
      await node.call('POST', `/api/users/${id}/credits`, ADMIN_TOKEN, { id: 'all', amount_usdc: '1000000' });
    }
    for (const id of [...AGENTS, ONLOOKER]) {
      const agent = await registerAgent(node, {
        id,
        user_id: OWNERS[id] ?? undefined,
        capabilities: [{ name: 'chat' }],
      });
      people.#agents.set(id, agent);
      people.#apiKeys.set(id, agent.apiKey);
    }
    return people;
  }

  sign<P extends Purpose>(id: string, purpose: P, fields: SignedFields<P>): string {
    const agent = this.#agents.get(id);
    if (!agent) throw new Error(`nobody is called ${id}`);
    return sign(agent.secretKey, purpose, fields, this.#networkId);
  }

  /** Creates something over HTTP. */
  async create(id: string, at: number, path: string, body: object): Promise<void> {
    const { status, body: answer } = await this.#entrance(at).call('POST', path, this.#apiKeys.get(id), body);
    if (status !== 200 && status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
  }

  /** @throws the response of a refusal */
  async push(id: string, at: number, topic: string, event: string, payload: object): Promise<void> {
    const joined = await this.#client(id, at).join(topic);
    await joined.push(event, payload);
    await left(joined);
  }

  /**
   * Says something as the user of a session, unless it is done already, and waits until it is.
   *
   * @param isDone judges the session as the admin reads it
   */
  async say(
    id: string,
    at: number,
    session: string,
    type: string,
    dataFor: (session: SessionAnswer) => object,
    isDone: (session: SessionAnswer) => boolean,
  ): Promise<void> {
    const node = this.#entrance(at);
    const before = await readSession(node, session);
    if (isDone(before)) return;
    const path = `/api/sessions/${session}/tokens`;
    const { body } = await node.call<Access>('POST', path, this.#apiKeys.get(id));
    const chat = await Chat.open({ ...body, session_id: session }, node);
    chat.send(type, dataFor(before));
    await eventually(async () => expect(isDone(await readSession(node, session))).toBe(true));
    await chat.socket.close();
  }

  /** Joins `analytics:…` as somebody who may. */
  analytics(scope: string, at: number): Promise<Topic> {
    const [kind, id = ''] = scope.split(':');
    const owner = kind === 'agent' ? OWNERS[id] : kind === 'user' ? agentsOf(id)[at] : undefined;
    return this.#client(owner ?? (kind === 'agent' ? id : ONLOOKER), at).join(`analytics:${scope}`);
  }

  /** Comes online or goes away. Resolves when both entrances know. */
  async comeOrGo(id: string, at: number): Promise<void> {
    const presence = this.#presences.get(id);
    if (presence) {
      this.#presences.delete(id);
      await left(presence);
      this.online.delete(id);
    } else {
      await this.#appear(id, at);
      this.online.add(id);
    }
    await this.#known();
  }

  /** Closes every socket. Who was online is not forgotten. */
  async leave(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    this.#clients.clear();
    this.#presences.clear();
  }

  /** Those who were online come back, to where the nodes are now. */
  async comeBack(entrances: readonly [Address, Address]): Promise<void> {
    this.#entrances = entrances;
    for (const [at, id] of [...this.online].entries()) await this.#appear(id, at);
    await this.#known();
  }

  async #appear(id: string, at: number): Promise<void> {
    this.#presences.set(id, await this.#client(id, at).join('agents:discovery'));
  }

  async #known(): Promise<void> {
    for (const at of [0, 1]) {
      const topic = await this.#client(ONLOOKER, at).join('agents:discovery', { presence: false });
      await eventually(async () => {
        const { agents } = await topic.push<{ agents: { id: string }[] }>('discover', {
          filters: { status: 'online' },
        });
        expect(agents.map(({ id }) => id).sort()).toEqual([...this.online].sort());
      });
      await left(topic);
    }
  }

  #entrance = (at: number) => this.#entrances[at % 2 === 0 ? 0 : 1];

  #client(id: string, at: number): Client {
    const name = `${id} ${at % 2}`;
    const known = this.#clients.get(name);
    if (known) return known;
    const client = new Client(this.#entrance(at).url, { params: { api_key: this.#apiKeys.get(id) } });
    this.#clients.set(name, client);
    return client;
  }
}

const left = (topic: Topic) =>
  new Promise<void>((resolve) => {
    topic.channel.leave().receive('ok', () => resolve());
  });
