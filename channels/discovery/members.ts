import type { Presence } from '../../presence/index.ts';
import type { ChannelSocket } from '../../server/index.ts';
import type { Agent } from '../principals/agent.ts';
import type { AgentSession } from '../principals/agent_session.ts';
import { presenceMeta } from './presence_status.ts';

interface PresentChannel {
  readonly socket: ChannelSocket<AgentSession>;
  readonly onlineAtMs: number;
  /** JSON of the meta that is tracked; `undefined` before the first. */
  meta: string | undefined;
}

/** The channels of one agent, in the order in which they joined. */
interface Present {
  readonly channels: Set<PresentChannel>;
  /** As it is shown. */
  agent: Agent | undefined;
}

/** So many channels of an agent are tracked on a node: a change of the agent is told to everybody for each of them. */
const MAX_TRACKED = 10;

/** The agents that are present through this node, and what presence shows of them. */
export class Members {
  readonly #presence: Presence;
  readonly #read: (agentId: string) => Promise<Agent | undefined>;
  readonly #onPresent: (agentId: string) => void;
  readonly #byAgent = new Map<string, Present>();
  /** Agents that are being read; `true` if they changed meanwhile. */
  readonly #reading = new Map<string, boolean>();

  /** @param onPresent told of an agent when a channel of it comes, and when it goes: it is present at that moment */
  constructor(
    presence: Presence,
    read: (agentId: string) => Promise<Agent | undefined>,
    onPresent: (agentId: string) => void,
  ) {
    this.#onPresent = onPresent;
    this.#presence = presence;
    this.#read = read;
  }

  /** Tracks an agent until its channel ends, unless enough of its channels are; then once it is its turn. */
  async enter(socket: ChannelSocket<AgentSession>): Promise<void> {
    const { agentId } = socket.assigns;
    const channel = { socket, onlineAtMs: Date.now(), meta: undefined };
    const present = this.#byAgent.get(agentId);
    if (present) present.channels.add(channel);
    else this.#byAgent.set(agentId, { channels: new Set([channel]), agent: undefined });
    socket.onEnd(() => this.#leave(agentId, channel));
    this.#onPresent(agentId);
    await this.refresh(agentId);
  }

  /**
   * Shows an agent as it is now; to be called on every node after it has changed. The store is read, for notices of two
   * changes may arrive in another order than the changes were made.
   */
  async refresh(agentId: string): Promise<void> {
    if (!this.#byAgent.has(agentId)) return;
    if (this.#reading.has(agentId)) return void this.#reading.set(agentId, true);
    try {
      do {
        this.#reading.set(agentId, false);
        const agent = await this.#read(agentId);
        const present = this.#byAgent.get(agentId);
        if (!agent || !present) continue;
        present.agent = agent;
        this.#show(agent, present.channels);
      } while (this.#reading.get(agentId));
    } finally {
      this.#reading.delete(agentId);
    }
  }

  #show(agent: Agent, channels: ReadonlySet<PresentChannel>): void {
    let tracked = 0;
    for (const channel of channels) {
      if (tracked++ === MAX_TRACKED) return;
      this.#showOne(agent, channel);
    }
  }

  #showOne(agent: Agent, channel: PresentChannel): void {
    const meta = presenceMeta(agent, channel.onlineAtMs);
    const text = JSON.stringify(meta);
    if (text === channel.meta) return;
    if (channel.meta === undefined) this.#presence.track(channel.socket, agent.id, meta);
    else this.#presence.update(channel.socket, agent.id, meta);
    channel.meta = text;
  }

  #leave(agentId: string, channel: PresentChannel): void {
    const present = this.#byAgent.get(agentId);
    if (!present?.channels.delete(channel)) return;
    this.#onPresent(agentId);
    const { channels, agent } = present;
    if (channels.size === 0) this.#byAgent.delete(agentId);
    // At once, so that the next one comes with the diff in which this one goes.
    else if (agent && channel.meta !== undefined) this.#show(agent, channels);
  }
}
