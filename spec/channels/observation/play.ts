import { TRAFFIC_KINDS, type TrafficKind } from '../../../channels/kernel/traffic.ts';
import { ADMIN_TOKEN, type Address, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { Deal, Party, type PendingBody } from '../deals/party.ts';
import { Chat, makeSession, registerUser } from '../session/people.ts';
import { wholeList } from './observing.ts';

export interface Actor extends TestAgent {
  readonly sockets: {
    readonly client: Client;
    readonly opened: number;
    readonly discovery: { topic: Topic | undefined };
  }[];
  /** By the count of deeds: when it was last on `agents:discovery` and is no more. */
  leftDiscovery: number;
  readonly ended: { completed: number; failed: number };
  userId: string | null;
  capability: string;
  isSuspended: boolean;
  isBusy: boolean;
}

/** Done more often than the others. */
export const COMMON_DEEDS = 'connect discover discover task task work work work end end message message'.split(' ');

interface Work {
  readonly id: string;
  readonly client: Actor;
  readonly provider: Actor;
  chunks: number;
  topic?: Topic;
  isEnded: boolean;
}

/** What is counted plainly while it is done. */
export interface Play {
  readonly actors: readonly Actor[];
  readonly users: readonly { readonly id: string; readonly apiKey: string }[];
  readonly app: { readonly id: string; readonly apiKey: string };
  /** By user, all agents that it ever owned. */
  readonly owned: ReadonlyMap<string, ReadonlySet<string>>;
  /** By sender and recipient: messages, chunks, offers and transfers. */
  readonly flows: ReadonlyMap<string, number>;
  /** By pair: its kinds, joined. */
  edges(): ReadonlyMap<string, string>;
  /** Pairs with tasks of the app. */
  readonly appPairs: ReadonlySet<string>;
  /** Ids of tasks and sessions, and whose agents they are about. */
  readonly things: readonly { readonly id: string; readonly agents: readonly string[] }[];
  readonly deeds: Readonly<Record<string, () => Promise<void>>>;
  /** Deeds so far. */
  now: number;
  expectSeen(deed: Pick<SeenDeed, 'kind' | 'id' | 'secret'>, ends: readonly Actor[]): void;
  /** Resolves when all that was done is shown. */
  shown(): Promise<void>;
  /** Resolves when an agent's new owner, and no other, sees it in full. */
  movedOn(actor: Actor): Promise<void>;
  end(): Promise<void>;
}

/** Flows seen by those who own one of its ends while it is done. */
export interface SeenDeed {
  readonly kind: 'message' | 'coordination';
  readonly id: string;
  /** A word of its content, or of what is proposed. */
  readonly secret: string;
  readonly userIds: ReadonlySet<string | null>;
  readonly agentIds: readonly string[];
}

export interface PlayOptions {
  readonly nodes: readonly Address[];
  readonly networkId: string;
  readonly pick: <T>(from: readonly T[]) => T;
  readonly random: () => number;
  /** Told of what users see from now on: those who own one of its ends. The admin sees all. */
  readonly onSeen: (deed: SeenDeed) => void;
  readonly shown: () => Promise<void>;
  readonly movedOn: (actor: Actor) => Promise<void>;
}

export const pairOf = (one: { readonly id: string }, other: { readonly id: string }) =>
  [one.id, other.id].sort().join(' ');

/** Three users, an app and seven agents, and all that they may do. */
export async function beginPlay(options: PlayOptions): Promise<Play> {
  const { nodes, networkId, pick, random } = options;
  const here = nodes[0] as Address;
  const actors: Actor[] = [];
  const tasks: Work[] = [];
  const chats: { readonly chat: Chat; readonly agent: Actor; readonly sessionId: string; topic?: Topic }[] = [];
  const users: Awaited<ReturnType<typeof registerUser>>[] = [];
  const owned = new Map<string, Set<string>>();
  const flows = new Map<string, number>();
  const kinds = new Map<string, Set<TrafficKind>>();
  const appPairs = new Set<string>();
  const things: { id: string; agents: string[] }[] = [];
  for (let at = 0; at < 3; at++) users.push(await registerUser(here));
  const made = await here.call<{ app: { id: string }; api_key: string }>('POST', '/api/apps', ADMIN_TOKEN, {
    name: 'A',
  });
  const app = { id: made.body.app.id, apiKey: made.body.api_key };
  for (let at = 0; at < 7; at++) {
    const user = at < 3 ? users[0] : at < 6 ? users[1] : undefined;
    const capabilities = [{ name: 'a', price: '1' }];
    const agent = await registerAgent(pick(nodes), { capabilities, ...(user && { user_id: user.id }) });
    if (user) owned.set(user.id, (owned.get(user.id) ?? new Set()).add(agent.id));
    const done = { ended: { completed: 0, failed: 0 }, leftDiscovery: 0, isSuspended: false, isBusy: false };
    actors.push({ ...agent, sockets: [], userId: user?.id ?? null, capability: 'a', ...done });
  }

  const newSecret = () => `secret-${Math.floor(random() * 2 ** 48).toString(36)}`;

  const partyOf = (actor: Actor) => new Party(pick(nodes), actor, networkId);

  function passed(from: Actor, to: Actor, kind: TrafficKind, count = 1) {
    if (from === to) return;
    const pair = pairOf(from, to);
    kinds.set(pair, (kinds.get(pair) ?? new Set()).add(kind));
    const way = `${from.id} ${to.id}`;
    if (count > 0) flows.set(way, (flows.get(way) ?? 0) + count);
  }

  async function online(actor: Actor) {
    if (actor.isSuspended) return undefined;
    if (actor.sockets.length === 0) await connect(actor);
    return actor.sockets[0];
  }

  async function connect(actor: Actor) {
    if (actor.isSuspended || actor.sockets.length >= 3) return;
    const client = new Client(pick(nodes).url, { params: { api_key: actor.apiKey }, reconnectAfterMs: () => 600_000 });
    // A socket counts once it is open.
    await client.join(`messages:${actor.id}`);
    actor.sockets.push({ client, opened: play.now, discovery: { topic: undefined } });
  }

  async function disconnect(actor: Actor) {
    const [socket] = actor.sockets.splice(Math.floor(random() * actor.sockets.length), 1);
    if (!socket) return;
    forgetTopics(actor);
    await socket.client.close();
    if (socket.discovery.topic) actor.leftDiscovery = play.now;
    if (!actor.sockets.some(({ discovery }) => discovery.topic)) await settled();
  }

  /** Those who were joined by a socket that may be gone. */
  function forgetTopics(actor: Actor) {
    for (const task of tasks) if (task.provider === actor) delete task.topic;
    for (const chat of chats) if (chat.agent === actor) delete chat.topic;
  }

  const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

  const leave = (topic: Topic) =>
    new Promise<void>((resolve) => void topic.channel.leave().receive('ok', () => resolve()));

  const deeds: Record<string, () => Promise<void>> = {
    connect: () => connect(pick(actors)),
    disconnect: () => disconnect(pick(actors)),
    async discover() {
      const actor = pick(actors);
      const socket = await online(actor);
      if (!socket || socket.discovery.topic) return;
      socket.discovery.topic = await socket.client.join('agents:discovery');
    },
    async leaveDiscovery() {
      const actor = pick(actors);
      const socket = actor.sockets.find(({ discovery }) => discovery.topic);
      if (!socket?.discovery.topic) return;
      await leave(socket.discovery.topic);
      socket.discovery.topic = undefined;
      actor.leftDiscovery = play.now;
    },
    async busy() {
      const actor = pick(actors);
      const topic = actor.sockets.find(({ discovery }) => discovery.topic)?.discovery.topic;
      if (!topic) return;
      actor.isBusy = !actor.isBusy;
      await topic.push('update_metadata', { metadata: actor.isBusy ? { status: 'busy', multi_agent_id: 'm' } : {} });
    },
    async task() {
      const [client, provider] = [pick(actors), pick(actors)];
      if (client === provider || provider.isSuspended || client.isSuspended) return;
      const asker = random() < 0.5 ? ADMIN_TOKEN : app.apiKey;
      const fields = { client_agent_id: client.id, provider_agent_id: provider.id };
      const { status, body } = await pick(nodes).call<{ task: { id: string } }>('POST', '/api/tasks', asker, fields);
      expect(status).toBe(201);
      things.push({ id: body.task.id, agents: [client.id, provider.id] });
      tasks.push({ id: body.task.id, client, provider, chunks: 0, isEnded: false });
      passed(client, provider, 'task', 0);
      if (asker !== ADMIN_TOKEN) appPairs.add(pairOf(client, provider));
    },
    async work() {
      const task = pick(tasks.filter(({ isEnded }) => !isEnded));
      const socket = task && (await online(task.provider));
      if (!task || !socket) return;
      task.topic ??= await socket.client.join(`task:${task.id}`);
      await task.topic.push('progress', { percent: 5 });
    },
    async chunk() {
      const task = pick(tasks.filter(({ isEnded, topic }) => !isEnded && topic));
      if (!task?.topic) return;
      await task.topic.push('output_stream', { chunk: 'x'.repeat(100), seq: task.chunks++ });
      passed(task.provider, task.client, 'task');
    },
    async offer() {
      const [client, provider] = [pick(actors), pick(actors)];
      if (client === provider || provider.isSuspended) return;
      const socket = await online(client);
      if (!socket) return;
      const { capability } = provider;
      const wanted = { provider_agent_id: provider.id, capability };
      const made = await pick(nodes).call<{ session: { id: string } }>(
        'POST',
        '/api/negotiations',
        client.apiKey,
        wanted,
      );
      expect(made.status).toBe(201);
      const { id } = made.body.session;
      const about = { session_id: id, client_agent_id: client.id, ...wanted };
      const signature = partyOf(client).sign('negotiation.offer', { ...about, agent_id: client.id, amount: '0.5' });
      const topic = await socket.client.join(`negotiation:${id}`);
      await topic.push('offer', { amount: '0.5', signature });
      passed(client, provider, 'negotiation');
    },
    async transfer() {
      const [payer, payee] = [pick(actors), pick(actors)];
      if (payer === payee) return;
      const [from, to] = [await online(payer), await online(payee)];
      if (!from || !to) return;
      const deal = await Deal.open(partyOf(payer), partyOf(payee));
      const [paying, paid] = [await from.client.join(deal.topic), await to.client.join(deal.topic)];
      const proposed = await paying.push('propose_transfer', deal.proposal(deal.a, 1, '1', ['9', '6']));
      await paid.push('acknowledge_transfer', deal.acknowledgement((proposed as { pending: PendingBody }).pending));
      passed(payer, payee, 'payment');
    },
    async coordinate() {
      const [initiator, other, third] = [pick(actors), pick(actors), pick(actors)];
      const members = new Set([initiator, other, third]);
      if (members.size < 3 || [...members].some(({ isSuspended }) => isSuspended)) return;
      const participants = [{ id: other.id }, { id: third.id }];
      const secret = newSecret();
      const asked = { pattern: 'CONSENSUS', participants, parameters: { proposal: { do: secret } } };
      const made = await pick(nodes).call<{ coordination: { id: string } }>(
        'POST',
        '/api/coordinations',
        initiator.apiKey,
        asked,
      );
      expect(made.status).toBe(201);
      play.expectSeen({ kind: 'coordination', id: made.body.coordination.id, secret }, [...members]);
    },
    async end() {
      const task = pick(tasks.filter(({ isEnded, topic }) => !isEnded && topic));
      if (!task?.topic) return;
      task.isEnded = true;
      const how = random();
      if (how < 0.45) {
        await task.topic.push('complete', { result: 1 });
        task.provider.ended.completed++;
      } else if (how < 0.8) {
        await task.topic.push('error', { type: 'oops', details: {} });
        task.provider.ended.failed++;
      } else await task.topic.push('cancel', { reason: 'enough' });
    },
    async message() {
      const [from, to] = [pick(actors), pick(actors)];
      if (from.isSuspended || to.isSuspended) return;
      const secret = newSecret();
      const message = { to_agent_id: to.id, type: 'note', payload: { secret } };
      const sent = await pick(nodes).call<{ message: { id: string } }>('POST', '/api/messages', from.apiKey, message);
      expect(sent.status).toBe(201);
      play.expectSeen({ kind: 'message', id: sent.body.message.id, secret }, [from, to]);
      passed(from, to, 'message');
    },
    async settle() {
      const actor = pick(actors);
      const socket = await online(actor);
      if (!socket) return;
      const messages = await wholeList<{ id: string }>(
        here,
        '/api/messages?box=in&status=pending',
        'messages',
        actor.apiKey,
      );
      const message = pick(messages);
      if (!message) return;
      const topic = await new Client(here.url, { params: { api_key: actor.apiKey } });
      const joined = await topic.join(`messages:${actor.id}`);
      if (random() < 0.6) await joined.push('acknowledge', { message_id: message.id });
      else await joined.push('reject', { message_id: message.id, reason: 'no' });
      await topic.close();
    },
    async ask() {
      const agent = pick(actors);
      const user = pick(users);
      if (agent.isSuspended || !(await online(agent))) return;
      const access = await makeSession(pick(nodes), user, { agent_id: agent.id });
      const chat = await Chat.open(access, pick(nodes));
      chats.push({ chat, agent, sessionId: access.session_id });
      things.push({ id: access.session_id, agents: [agent.id] });
      chat.say('Well?');
      await eventually(async () => {
        const { body } = await here.call<{ session: { next_seq: number } }>(
          'GET',
          `/api/sessions/${access.session_id}`,
          ADMIN_TOKEN,
        );
        expect(body.session.next_seq).toBeGreaterThan(1);
      });
    },
    async answer() {
      const talk = pick(chats);
      const socket = talk && (await online(talk.agent));
      if (!talk || !socket) return;
      talk.topic ??= await socket.client.join(`session:${talk.sessionId}`);
      await talk.topic.push('agent_message', { content: 'Well.' });
    },
    async suspend() {
      const actor = pick(actors);
      actor.isSuspended = !actor.isSuspended;
      const status = actor.isSuspended ? 'suspended' : 'active';
      const patched = await pick(nodes).call('PATCH', `/api/agents/${actor.id}`, ADMIN_TOKEN, { status });
      expect(patched.status).toBe(200);
      if (!actor.isSuspended) return;
      forgetTopics(actor);
      await Promise.all(actor.sockets.splice(0).map(({ client }) => client.close()));
    },
    async move() {
      const actor = pick(actors);
      const user = pick([...users, undefined]);
      // Whoever owns an end when it happens sees it.
      await play.shown();
      if (user) owned.set(user.id, (owned.get(user.id) ?? new Set()).add(actor.id));
      const patched = await pick(nodes).call('PATCH', `/api/agents/${actor.id}`, ADMIN_TOKEN, {
        user_id: user?.id ?? null,
      });
      expect(patched.status).toBe(200);
      actor.userId = user?.id ?? null;
      await play.movedOn(actor);
    },
    async announce() {
      const [actor, capability] = [pick(actors), pick(['a', 'b', 'c'])];
      const capabilities = [{ name: capability, price: pick(['1', '2']) }];
      await pick(nodes).call('PATCH', `/api/agents/${actor.id}`, ADMIN_TOKEN, { capabilities });
      actor.capability = capability;
    },
  };

  const play: Play = {
    actors,
    users,
    app,
    owned,
    flows,
    edges: () => new Map([...kinds].map(([pair, its]) => [pair, TRAFFIC_KINDS.filter((kind) => its.has(kind)).join()])),
    appPairs,
    things,
    deeds,
    now: 0,
    expectSeen: (deed, ends) =>
      options.onSeen({
        ...deed,
        userIds: new Set(ends.map(({ userId }) => userId)),
        agentIds: ends.map(({ id }) => id),
      }),
    shown: options.shown,
    movedOn: options.movedOn,
    async end() {
      for (const { chat } of chats) await chat.socket.close();
      await Promise.all(actors.flatMap(({ sockets }) => sockets.map(({ client }) => client.close())));
    },
  };
  return play;
}
