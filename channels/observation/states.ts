import type { PresenceStatus } from '../discovery/presence_status.ts';
import type { StateMetadata, StateName } from './scene.ts';

/** What is known of an agent, as far as its state goes (VISUALISATION.md, section 9.3). */
export interface Circumstances {
  readonly isSuspended: boolean;
  /** On `agents:discovery`. */
  readonly presence: PresenceStatus;
  /** Open, by whatever mount, on all nodes; of them those on nodes that drain, and AgentSockets. */
  readonly sockets: number;
  readonly drainingSockets: number;
  readonly agentSockets: number;
  /** When the first of the open ones was opened; 0 without one. */
  readonly openedAtMs: number;
  /** When it was last put on `agents:discovery`, or taken off; 0: never, as far as is known. */
  readonly discoveredAtMs: number;
  /** Tasks in progress as provider. */
  readonly running: number;
  /** Its sessions that are `WORKING`. */
  readonly working: number;
  /** Kinds of its open alerts. */
  readonly alertKinds: readonly string[];
  /** Unacknowledged in its inbox. */
  readonly queued: number;
  readonly multiAgentId: string | undefined;
}

const IN_ERROR = 'task_failure_rate';

/** The first state that holds. */
export function stateOf(agent: Circumstances): StateName {
  const { sockets, isSuspended, presence } = agent;
  const isOnline = sockets > 0 && !isSuspended;
  if (isOnline && agent.drainingSockets >= sockets) return 'TERMINATING';
  if (!isOnline) return 'OFFLINE';
  if (agent.alertKinds.includes(IN_ERROR)) return 'ERROR';
  if (presence === 'busy') return 'BUSY';
  if (agent.running > 0 || agent.working > 0) return 'EXECUTING';
  const wasDiscovered = presence !== 'offline' || agent.discoveredAtMs >= agent.openedAtMs;
  return agent.agentSockets > 0 && !wasDiscovered ? 'INITIALIZING' : 'IDLE';
}

const STATE_OF_PRESENCE = { offline: 'OFFLINE', busy: 'BUSY', online: 'IDLE' } as const;

/** The state that presence alone tells, for whoever sees the agent in part. */
export const stateInPart = ({ presence, isSuspended }: Pick<Circumstances, 'presence' | 'isSuspended'>): StateName =>
  isSuspended ? 'OFFLINE' : STATE_OF_PRESENCE[presence];

/** Bit 0: on `agents:discovery`; 1: an alert about it is open, only where it is seen in full; 2: suspended. */
export const flagsOf = (agent: Pick<Circumstances, 'presence' | 'alertKinds' | 'isSuspended'>): number =>
  flagsInPart(agent) | (agent.alertKinds.length > 0 ? 2 : 0);

export const flagsInPart = ({ presence, isSuspended }: Pick<Circumstances, 'presence' | 'isSuspended'>): number =>
  (presence === 'offline' ? 0 : 1) | (isSuspended ? 4 : 0);

/** Zeros are left out. */
export const metadataOf = ({ running, queued, sockets, multiAgentId }: Circumstances): StateMetadata => ({
  ...(running > 0 && { running }),
  ...(queued > 0 && { queued }),
  ...(sockets > 0 && { sockets }),
  ...(multiAgentId !== undefined && { multiAgentId }),
});
