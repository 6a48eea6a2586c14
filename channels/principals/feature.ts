import { accountList } from './account_list.ts';
import type { Domain, DomainContext } from './domain.ts';
import type { PrincipalEvents } from './events.ts';
import { servedList } from './list_route.ts';
import { meRoute } from './me_call.ts';
import { principalRoutes } from './routes.ts';
import { socketIds } from './sockets.ts';
import { WIRE_IDS } from './wire_ids.ts';

type Context = Pick<DomainContext, 'store' | 'hub' | 'principals' | 'tokens' | 'networkId'> &
  Pick<PrincipalEvents, 'agentChanged'>;

/** Users, apps, agents, their keys and session tokens: the HTTP calls, and whose sockets they close. */
export function principalsFeature({ store, hub, principals, tokens, networkId, agentChanged }: Context): Domain {
  const { users, apps, agents, wireIds } = principals;
  const events: PrincipalEvents = {
    agentChanged,
    credentialRevoked: (keyId) => hub.disconnect(socketIds.credential(keyId)),
    ownerLost: (userId) => hub.disconnect(socketIds.owner(userId)),
    agentSuspended(agentId) {
      hub.disconnect(socketIds.agent(agentId));
      hub.disconnect(socketIds.user(agentId));
    },
  };
  return {
    name: 'principals',
    routes: [...principalRoutes({ store, principals, tokens, events }), meRoute(networkId)],
    lists: { '/api/users': servedList(accountList(users)), '/api/apps': servedList(accountList(apps)) },
    placeables: [users, apps, agents].map(({ placeable }) => placeable),
    deadlines: { [WIRE_IDS]: () => wireIds.fill(agents) },
    start: () => wireIds.begin(),
  };
}
