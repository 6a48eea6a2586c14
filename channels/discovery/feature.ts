import { internalTopic } from '../../server/index.ts';
import { agentView } from '../principals/agent.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import type { PrincipalEvents } from '../principals/events.ts';
import { servedList } from '../principals/list_route.ts';
import { agentList } from './agent_list.ts';
import { discoveryChannel } from './channel.ts';
import { Members } from './members.ts';
import { type FindOnline, findOnline } from './online.ts';
import { DISCOVERY_TOPIC, presenceStatus } from './presence_status.ts';
import type { Directory } from './search.ts';

/** Nodes tell each other here which agent has changed. */
const CHANGED = internalTopic('agent_changed');

type Context = Pick<DomainContext, 'store' | 'hub' | 'nodes' | 'presence' | 'log' | 'principals' | 'openSockets'>;

/** Finding agents and their capabilities: `agents:discovery`, and the list of agents. */
export function discoveryFeature(
  context: Context,
): Domain & Pick<PrincipalEvents, 'agentChanged'> & { readonly findOnline: FindOnline } {
  const { store, hub, nodes, presence, log, principals, openSockets } = context;
  const { agents, users } = principals;
  const members = new Members(
    presence,
    (id) => agents.read(id),
    (id) => openSockets.discovered(id),
  );
  const directory: Directory = {
    lookup: (index, query) => store.lookup(index, query),
    readMany: (ids) => agents.readProfiles(ids),
    statusOf: (id) => presenceStatus(presence, id),
    present: () => presence.keys(DISCOVERY_TOPIC),
  };
  const changes = hub.subscribe(CHANGED, ({ event, payload }) => {
    if (event !== 'changed') return;
    const { id } = JSON.parse(String(payload)) as { id: string };
    members.refresh(id).catch((error: unknown) => log.warn({ err: error, agent: id }, 'presence meta not updated'));
  });
  // Nodes that come back from a lost connection make their members join again, which reads every agent anew.
  changes.ready?.catch(() => {});

  const tellNodes = (id: string) => hub.publish(CHANGED, { event: 'changed', payload: JSON.stringify({ id }) });

  return {
    name: 'discovery',
    channels: { agent: [discoveryChannel({ ...context, agents, members, directory, tellNodes })] },
    lists: { '/api/agents': servedList(agentList({ agents, users, presence, nodes })) },

    /** Makes known what was changed over HTTP, as the channel's events do. */
    agentChanged(agent, fields) {
      tellNodes(agent.id);
      if (fields.includes('capabilities') || fields.includes('name')) {
        hub.broadcast(DISCOVERY_TOPIC, 'agent_updated', { agent: agentView(agent) });
      }
    },

    findOnline: findOnline(directory),

    close: () => changes.stop(),
  };
}
