import type { Notice, Notify } from './messages/notices.ts';

/** Who makes a thing tells its participants before answering; if it could not, a deadline does after this time. */
export const ANNOUNCE_WITHIN_MS = 5_000;

/** Tells every participant of a new thing but its creator, an agent or (`null`) the admin. */
export async function announce(
  notify: Notify,
  about: Pick<Notice, 'type' | 'thingId'>,
  participants: readonly string[],
  creatorId: string | null,
): Promise<void> {
  const others = participants.filter((agentId) => agentId !== creatorId);
  await Promise.all(others.map((agentId) => notify(agentId, { ...about, fromAgentId: creatorId })));
}
