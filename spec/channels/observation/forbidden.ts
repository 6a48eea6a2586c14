import type { Audience, Sighting } from '../../../channels/observation/scene.ts';

/** What is in sightings though the audience may not see it. @param everOwned agents that a user has, or had, as its own */
export const forbiddenOf = (
  audience: Audience,
  sightings: readonly Sighting[],
  everOwned: ReadonlySet<string>,
): readonly Sighting[] =>
  audience.kind === 'admin'
    ? []
    : sightings.filter((sighting) => {
        switch (sighting.kind) {
          case 'state':
            return sighting.reason !== null && !everOwned.has(sighting.agentId);
          case 'performance':
          case 'capability':
            return !everOwned.has(sighting.agentId);
          case 'alert':
          case 'alert_ended':
            return sighting.agentId === null || !everOwned.has(sighting.agentId);
          case 'message':
            return ![sighting.message.from.id, ...sighting.message.to.map(({ id }) => id)].some(
              (id) => id !== null && everOwned.has(id),
            );
          case 'flow':
            return !everOwned.has(sighting.flow.from) && !everOwned.has(sighting.flow.to);
          case 'edges':
            return audience.kind === 'app'
              ? sighting.edges.some(({ kinds }) => kinds.join() !== 'task')
              : sighting.edges.some(({ from, to }) => !everOwned.has(from) && !everOwned.has(to));
          case 'records':
            return sighting.agents.some(
              ({ agentId, metadata, flags }) =>
                !everOwned.has(agentId) && (Object.keys(metadata).length > 0 || (flags & 2) !== 0),
            );
          case 'coordination':
            return !sighting.agentIds.some((id) => everOwned.has(id));
          case 'registered':
            return sighting.agents.some(
              ({ agentId, full, namespace, performance, metadata }) =>
                !everOwned.has(agentId) &&
                (full || namespace !== null || performance !== null || Object.keys(metadata).length > 0),
            );
          default:
            return false;
        }
      });
