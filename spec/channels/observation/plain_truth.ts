import type { Audience } from '../../../channels/observation/scene.ts';
import type { Address } from '../../support/aerie.ts';
import { wholeList } from './observing.ts';
import type { Actor, Play } from './play.ts';

interface ListedAgent {
  readonly id: string;
  readonly user_id: string | null;
  readonly status: string;
  readonly presence: string;
  readonly sockets: number;
}

/** An agent as the HTTP API has it, and what it has to do. */
export interface CountedAgent extends ListedAgent {
  readonly runs: number;
  readonly isWorking: boolean;
  readonly queued: number;
}

/** Agents as the HTTP API has them. */
export async function countedAgents(node: Address): Promise<ReadonlyMap<string, CountedAgent>> {
  const [agents, running, working, pending] = await Promise.all([
    wholeList<ListedAgent>(node, '/api/agents', 'agents'),
    wholeList<{ provider_agent_id: string }>(node, '/api/tasks?status=in_progress', 'tasks'),
    wholeList<{ agent_id: string | null }>(node, '/api/sessions?phase=WORKING', 'sessions'),
    wholeList<{ to_agent_id: string }>(node, '/api/messages?status=pending', 'messages'),
  ]);
  return new Map(
    agents.map((agent) => {
      const runs = running.filter(({ provider_agent_id: id }) => id === agent.id).length;
      const isWorking = working.some(({ agent_id: id }) => id === agent.id);
      const queued = pending.filter(({ to_agent_id: id }) => id === agent.id).length;
      return [agent.id, { ...agent, runs, isWorking, queued }];
    }),
  );
}

/** The state of an agent that is seen in full (VISUALISATION.md, section 9.3), by what was done. */
export function expectedState(agent: CountedAgent, actor: Actor): string {
  if (agent.status === 'suspended' || agent.sockets === 0) return 'OFFLINE';
  const { completed, failed } = actor.ended;
  if (completed + failed >= 5 && failed / (completed + failed) > 0.5) return 'ERROR';
  if (agent.presence === 'busy') return 'BUSY';
  if (agent.runs > 0 || agent.isWorking) return 'EXECUTING';
  const isPresent = actor.sockets.some(({ discovery }) => discovery.topic);
  const firstOpened = Math.min(...actor.sockets.map(({ opened }) => opened));
  return isPresent || actor.leftDiscovery >= firstOpened ? 'IDLE' : 'INITIALIZING';
}

export const expectedMetadata = ({ runs, queued, sockets, user_id: userId }: CountedAgent, actor: Actor) => ({
  ...(runs > 0 && { running: runs }),
  ...(queued > 0 && { queued }),
  ...(sockets > 0 && { sockets }),
  ...(actor.isBusy && userId !== null && { multiAgentId: 'm' }),
});

/** Edges that an audience sees, by what was done. */
export function edgesSeen(play: Play, audience: Audience): string[] {
  if (audience.kind === 'app') return [...play.appPairs].map((pair) => `${pair} task`).sort();
  const isOwn = (id: string) =>
    play.actors.some((actor) => actor.id === id && audience.kind === 'user' && actor.userId === audience.id);
  const isSeen = (pair: string) => audience.kind === 'admin' || pair.split(' ').some(isOwn);
  return [...play.edges()].flatMap(([pair, kinds]) => (isSeen(pair) ? [`${pair} ${kinds}`] : [])).sort();
}
