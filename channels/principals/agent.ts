import type { Metadata } from '../kernel/fields.ts';
import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import type { RegisteredAccount } from './account.ts';

/** The author of a change: the agent (`announce`, `update_metadata` or HTTP) or its owner. The admin has no limit. */
export type ChangedBy = 'itself' | 'owner';

/** An agent as it is kept. */
export interface Agent extends RegisteredAccount {
  /** Base64 of 32 bytes, standard alphabet, padded. */
  readonly publicKey: string;
  /** Its owner. */
  readonly userId: string | null;
  readonly capabilities: readonly Capability[];
  readonly metadata: Metadata;
  readonly status: AgentStatus;
  /** Names it in binary frames (VISUALISATION.md, section 9.3); absent where it is still to get one. */
  readonly wireId?: number;
  /** Reputation that an admin pinned, in hundredths. */
  readonly pinnedReputation: number | null;
  /** Its tasks as provider that ended so. */
  readonly completed: number;
  readonly failed: number;
  /** Tasks counted above that might be counted again, by somebody who does not know that they were. */
  readonly countedTasks?: readonly string[];
  /** Time at which each allowance of changes is full again, by the store's clock; absent: it is. */
  readonly allowancesFullAtMs?: Readonly<Partial<Record<ChangedBy, number>>>;
}

export interface Capability {
  readonly name: string;
  readonly priceMicro: bigint;
  readonly description?: string;
  readonly category?: string;
  /** 1 to 10. */
  readonly level?: number;
}

export type AgentStatus = 'active' | 'suspended';

/** In hundredths, so that it is exact: 0 to 500. `5·(completed+1)/(completed+failed+2)` unless pinned. */
export function reputationHundredths(agent: Pick<Agent, 'pinnedReputation' | 'completed' | 'failed'>): number {
  const { pinnedReputation, completed, failed } = agent;
  return pinnedReputation ?? Math.round((500 * (completed + 1)) / (completed + failed + 2));
}

/** 0 to 5, two decimals. */
export const reputation = (agent: Parameters<typeof reputationHundredths>[0]) => reputationHundredths(agent) / 100;

/** The price of its cheapest capability; `undefined` if it has none. */
export function lowestPriceMicro({ capabilities }: Pick<Agent, 'capabilities'>): bigint | undefined {
  return capabilities.map(({ priceMicro }) => priceMicro).sort((a, b) => Number(a - b))[0];
}

/** A capability on the wire. */
export const capabilityView = ({ name, priceMicro, description, category, level }: Capability) => ({
  name,
  price: usdc(priceMicro),
  ...(description !== undefined && { description }),
  ...(category !== undefined && { category }),
  ...(level !== undefined && { level }),
});

/** An agent on the wire (PROTOCOL.md, section 3). */
export const agentView = (agent: Agent) => ({
  id: agent.id,
  name: agent.name,
  public_key: agent.publicKey,
  user_id: agent.userId,
  capabilities: agent.capabilities.map(capabilityView),
  metadata: agent.metadata,
  reputation: reputation(agent),
  status: agent.status,
  inserted_at: iso(agent.insertedAtMs),
});

export type AgentView = ReturnType<typeof agentView>;
