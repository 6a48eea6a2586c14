import type { ControlCaller } from '../control/port.ts';
import type { Flows } from '../flows/port.ts';
import type { Agents } from '../principals/principals.ts';

export interface SeesInPartOptions {
  readonly flows: Pick<Flows, 'partnersOf'>;
  readonly agents: Pick<Agents, 'readProfiles'>;
}

const PAGE = 500;

/** True for an agent of somebody else that a user sees: it has exchanged something with one of the user's own in the last 24 h. */
export const seesInPart =
  ({ flows, agents }: SeesInPartOptions) =>
  async (caller: ControlCaller, agentId: string): Promise<boolean> => {
    if (caller.kind === 'admin') return true;
    const partners = [...(await flows.partnersOf([agentId]))];
    for (let at = 0; at < partners.length; at += PAGE) {
      const profiles = await agents.readProfiles(partners.slice(at, at + PAGE));
      if (profiles.some((profile) => profile?.userId === caller.id)) return true;
    }
    return false;
  };
