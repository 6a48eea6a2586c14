import { accept, type Refusal, type Reply } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import { answerChange } from '../kernel/signed_change.ts';
import { agentChannel } from '../principals/agent_session.ts';
import type { MemberCommand } from './commands.ts';
import type { Coordinations } from './coordinations.ts';
import { events, pushes } from './schema.ts';
import { roleOf } from './state.ts';
import { coordinationView } from './view.ts';

/** `coordination:{id}`: initiator and participants vote, or hear how it goes (VISUALISATION.md, section 9.7). */
export function coordinationChannel(coordinations: Pick<Coordinations, 'read' | 'apply'>) {
  /** Everybody is told by the repository, on whatever node they are. */
  async function change(id: string, command: MemberCommand): Promise<Refusal | Reply<'ok'>> {
    return answerChange(await coordinations.apply(id, command), {
      tell() {},
      answer: (coordination) => ({ coordination: coordinationView(coordination) }),
    });
  }

  return agentChannel({
    topic: 'coordination:*',
    events,
    pushes,

    async join({ id, assigns }) {
      const coordination = await coordinations.read(id);
      if (!coordination) return refuse('not_found');
      const role = roleOf(coordination, assigns.agentId);
      return role ? accept({ role }, { coordination: coordinationView(coordination) }) : refuse('unauthorized');
    },

    on: {
      vote: ({ vote }, { id, assigns }) => change(id, { type: 'vote', by: assigns.agentId, vote }),
      progress: ({ progress }, { id, assigns }) => change(id, { type: 'progress', by: assigns.agentId, progress }),
      end: ({ status }, { id, assigns }) => change(id, { type: 'end', by: assigns.agentId, status }),
      cancel: ({ reason }, { id, assigns }) => change(id, { type: 'cancel', by: assigns.agentId, reason }),
    },
  });
}
