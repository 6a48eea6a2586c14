import { type Refusal, type Reply, reply } from '../../server/index.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import { multiAgentOf } from '../principals/multi_agent_members.ts';
import type { Agents } from '../principals/principals.ts';
import type { Departures } from './departures.ts';
import type { MultiAgents } from './multi_agents.ts';
import type { Requests } from './requests.ts';
import { type ControlResultPayload, resultRefusal, type VitalsPayload } from './schema.ts';
import type { VitalsBoard } from './vitals.ts';

export interface AgentSideOptions {
  readonly requests: Pick<Requests, 'answer'>;
  readonly departures: Pick<Departures, 'left'>;
  readonly multiAgents: Pick<MultiAgents, 'read'>;
  readonly agents: Pick<Agents, 'read'>;
  readonly vitals: Pick<VitalsBoard, 'say'>;
}

/** A configuration as an agent is told it. */
export interface MemberConfiguration {
  readonly multi_agent_id: string;
  readonly version: number;
  readonly configuration: object;
}

/** What control does on `agent:{id}` (PROTOCOL.md, section 5.7). */
export class AgentSide {
  readonly #options: AgentSideOptions;

  constructor(options: AgentSideOptions) {
    this.#options = options;
  }

  /** The configuration of the multi-agent that an agent belongs to; null without one. */
  async configurationOf(agentId: string): Promise<MemberConfiguration | null> {
    const agent = await this.#options.agents.read(agentId);
    const belongs = agent && multiAgentOf(agent);
    const multiAgent = belongs && (await this.#options.multiAgents.read(belongs.owner, belongs.id));
    return multiAgent ? configurationView(multiAgent) : null;
  }

  /** `control_result` */
  async result(agentId: string, payload: ControlResultPayload): Promise<Reply | Refusal> {
    const { request_id: requestId, ok, result = null, error } = payload;
    if (!ok && !error) return refuseField('', 'must have error where ok is false');
    const tooLarge = ok ? resultRefusal(result) : undefined;
    if (tooLarge) return tooLarge;
    const outcome =
      error && !ok ? ({ ok: false, error } as const) : ({ ok: true, resultJson: JSON.stringify(result) } as const);
    const answered = await this.#options.requests.answer({ agentId, requestId, outcome });
    return answered.ok ? reply() : answered;
  }

  /** `vitals` */
  vitals(agentId: string, payload: VitalsPayload): Reply | Refusal {
    const waitMs = this.#options.vitals.say(agentId, payload);
    return waitMs > 0 ? refuse('rate_limited', { retry_after_ms: waitMs }) : reply();
  }

  /** A socket has left `agent:{id}`. */
  left(agentId: string): void {
    this.#options.departures.left(agentId);
  }
}

export const configurationView = (multiAgent: {
  readonly id: string;
  readonly version: number;
  readonly configuration: object;
}): MemberConfiguration => ({
  multi_agent_id: multiAgent.id,
  version: multiAgent.version,
  configuration: multiAgent.configuration,
});
