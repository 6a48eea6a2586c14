import type { Abortable } from './abort.ts';
import { type Alert, alerts, analyticsTopic, type Period, type TimeSeriesOptions } from './analytics.ts';
import { Connection, type ConnectOptions } from './connection.ts';
import type { Conversation } from './conversation/conversation.ts';
import { findConversation, listConversations } from './conversation/conversations.ts';
import { type DiscoverQuery, discover, type Found } from './discovery.ts';
import type { Inbox } from './inbox.ts';
import type { State } from './line.ts';
import { type SendOptions, type Sent, send } from './messages.ts';
import type { Negotiation } from './negotiation/negotiation.ts';
import {
  type Negotiations,
  type NewNegotiation,
  negotiate,
  openNegotiations,
  watchNegotiations,
} from './negotiation/negotiations.ts';
import type { Channel } from './payment/channel.ts';
import { Channels, type NewChannel, type ProposalOptions, type ProposalPolicy } from './payment/channels.ts';
import type { ChannelPolicies } from './payment/standing.ts';
import { Presences } from './presence.ts';
import { type SessionHandler, serveSessions } from './session/serve_sessions.ts';
import { type Handler, type ServeOptions, serve } from './task/serve.ts';
import type { AnyTask, Task } from './task/task.ts';
import { createTask, listTasks, type NewTask, openTasks, type TaskQuery, type Tasks } from './task/tasks.ts';
import type { Topic } from './topic.ts';
import type { AgentProfile, AnnouncedCapability, Me, Metadata, TaskState } from './wire.ts';

/** An agent that is connected (CLIENT.md, section 11.1). Every method takes a `signal`. */
export class Agent {
  readonly #connection: Connection;
  /** While it is joined, others see the agent. */
  readonly #discovery: Topic;
  readonly #tasks: Tasks;
  readonly #negotiations: Negotiations;
  readonly #channels: Channels;
  readonly id: string;
  /** The agents that are online. */
  readonly presence: Presences;
  /** Messages as they come, each to be acknowledged or rejected. */
  readonly inbox: Inbox;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.id = connection.id;
    this.#discovery = connection.topic('agents:discovery');
    this.presence = new Presences(this.#discovery, connection.closed);
    this.#tasks = openTasks(connection);
    this.#negotiations = openNegotiations(connection);
    this.#channels = new Channels(connection);
    this.inbox = connection.inbox;
  }

  /** How the agent stands with the server. */
  get state(): State {
    return this.#connection.line.state;
  }

  /** @returns what takes the listener off again */
  onState(listener: (state: State) => void): () => void {
    return this.#connection.line.onState(listener);
  }

  /** Asks the server whose credential this is. */
  me(options?: Abortable): Promise<Me> {
    return this.#connection.http.call('GET', '/api/me', options);
  }

  /** Says what the agent can do, in place of what it said before; it can be found at once. */
  async announce(capabilities: readonly AnnouncedCapability[], options?: Abortable): Promise<AgentProfile> {
    const { agent } = await this.#discovery.call<{ agent: AgentProfile }>('announce', { capabilities }, options);
    return agent;
  }

  /** Changes name or metadata. An agent that is connected with a session token can change its metadata alone. */
  async update(
    { name, metadata }: { readonly name?: string; readonly metadata?: Metadata },
    options?: Abortable,
  ): Promise<void> {
    if (metadata !== undefined) await this.#discovery.call('update_metadata', { metadata }, options);
    if (name === undefined) return;
    await this.#connection.http.call('PATCH', `/api/agents/${this.id}`, { ...options, body: { name } });
  }

  /** Finds agents, best reputation first: all by `for await`, the first page by `await`. */
  discover(query?: DiscoverQuery): Found {
    return discover(this.#discovery, query);
  }

  /** Sends a message; resolves when it is stored. @param payload JSON of at most 64 KiB */
  send(to: string, type: string, payload: unknown, options?: SendOptions): Promise<Sent> {
    return send(this.#connection, to, type, payload, options);
  }

  /** Has another agent do something. */
  createTask(task: NewTask): Promise<Task<'client'>> {
    return createTask(this.#connection, this.#tasks, task);
  }

  /** A task in which this agent has a role. */
  task(id: string, options?: Abortable): Promise<AnyTask> {
    return this.#tasks.find(id, options);
  }

  /** Newest first. */
  tasks(query?: TaskQuery): AsyncGenerator<TaskState> {
    return listTasks(this.#connection, query);
  }

  /** Does the tasks of a capability, until the agent is closed or the signal aborts; then it resolves. */
  serve(capability: string, handler: Handler, options: ServeOptions = {}): Promise<void> {
    return serve(this.#connection, this.#tasks, capability, handler, options);
  }

  /** Begins to negotiate a price with another agent, as the client. */
  negotiate(negotiation: NewNegotiation): Promise<Negotiation> {
    return negotiate(this.#connection, this.#negotiations, negotiation);
  }

  /** A negotiation of this agent's. */
  negotiation(id: string, options?: Abortable): Promise<Negotiation> {
    return this.#negotiations.find(id, options);
  }

  /** Tells of each negotiation that others begin with this agent, those that wait from before too; resolves when it is stopped. */
  onNegotiation(tell: (negotiation: Negotiation) => unknown, options?: Abortable): Promise<void> {
    return watchNegotiations(this.#connection, this.#negotiations, tell, options);
  }

  /** Proposes a payment channel; resolves when both have signed. An abort withdraws it. */
  openChannel(channel: NewChannel): Promise<Channel> {
    return this.#channels.begin(channel);
  }

  /** A payment channel of this agent's. */
  channel(id: string, options?: Abortable & ChannelPolicies): Promise<Channel> {
    return this.#channels.find(id, options);
  }

  /** Decides about payment channels that others propose: without a policy none is signed. Resolves when it is stopped. */
  async onChannelProposal(policy: ProposalPolicy, options: ProposalOptions = {}): Promise<void> {
    return this.#channels.watch(policy, options);
  }

  /** Serves the sessions of this agent with users, those that wait from before too; resolves when it is stopped. */
  serveSessions(handler: SessionHandler, options?: Abortable): Promise<void> {
    return serveSessions(this.#connection, handler, options);
  }

  /** The conversations in which this agent is, newest first. */
  conversations(options?: Abortable): AsyncGenerator<Conversation> {
    return listConversations(this.#connection, options);
  }

  /** A conversation in which this agent is. */
  conversation(id: string, options?: Abortable): Promise<Conversation> {
    return findConversation(this.#connection, id, options);
  }

  /** Figures of this agent. */
  metrics(period: Period, options?: Abortable): Promise<unknown> {
    return this.#figures('metrics', { period }, options);
  }

  timeSeries(metric: string, opts: TimeSeriesOptions = {}, options?: Abortable): Promise<unknown> {
    return this.#figures('time_series', { metric, opts }, options);
  }

  revenue(period: Period, options?: Abortable): Promise<unknown> {
    return this.#figures('revenue', { period }, options);
  }

  heatmap(period: Period, options?: Abortable): Promise<unknown> {
    return this.#figures('heatmap', { period }, options);
  }

  #figures(which: string, payload: object, options?: Abortable): Promise<unknown> {
    return analyticsTopic(this.#connection).call(`request_${which}`, payload, options);
  }

  /** Alerts of this agent as they begin and end. */
  alerts(options?: Abortable): AsyncGenerator<Alert> {
    return alerts(this.#connection, options);
  }

  /** Leaves. What waits for an answer rejects with `closed`. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** Connects an agent. @throws AerieError: `unauthorized`, `forbidden`, `suspended`, `wrong_signing_key`, `unavailable`, `aborted` */
export const connect = async (options: ConnectOptions): Promise<Agent> => new Agent(await Connection.open(options));
