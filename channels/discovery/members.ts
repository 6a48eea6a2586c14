import type { Presence } from '../../presence/index.ts';
import type { ChannelSocket } from '../../server/index.ts';
import type { AgentSession } from '../agent_session.ts';
import type { Agent } from '../principals/agent.ts';
import { presenceMeta } from './presence_status.ts';

interface Member {
  readonly socket: ChannelSocket<AgentSession>;
  readonly onlineAtMs: number;
  /** JSON of the meta that is tracked; `undefined` before the first. */
  meta: string | undefined;
}

/** The agents that are present through this node, and what presence shows of them. */
export class Members {
  readonly #presence: Presence;
  readonly #read: (agentId: string) => Promise<Agent | undefined>;
  readonly #byAgent = new Map<string, Set<Member>>();
  /** Agents that are being read; `true` if they changed meanwhile. */
  readonly #reading = new Map<string, boolean>();

  constructor(presence: Presence, read: (agentId: string) => Promise<Agent | undefined>) {
    this.#presence = presence;
    this.#read = read;
  }

  /** Tracks an agent until its channel ends. */
  async enter(socket: ChannelSocket<AgentSession>): Promise<void> {
    const { agentId } = socket.assigns;
    const member = { socket, onlineAtMs: Date.now(), meta: undefined };
    const members = this.#byAgent.get(agentId);
    if (members) members.add(member);
    else this.#byAgent.set(agentId, new Set([member]));
    socket.onEnd(() => this.#leave(agentId, member));
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
        if (agent) for (const member of this.#byAgent.get(agentId) ?? []) this.#show(agent, member);
      } while (this.#reading.get(agentId));
    } finally {
      this.#reading.delete(agentId);
    }
  }

  #show(agent: Agent, member: Member): void {
    const meta = presenceMeta(agent, member.onlineAtMs);
    const text = JSON.stringify(meta);
    if (text === member.meta) return;
    if (member.meta === undefined) this.#presence.track(member.socket, agent.id, meta);
    else this.#presence.update(member.socket, agent.id, meta);
    member.meta = text;
  }

  #leave(agentId: string, member: Member): void {
    const members = this.#byAgent.get(agentId);
    members?.delete(member);
    if (members?.size === 0) this.#byAgent.delete(agentId);
  }
}
