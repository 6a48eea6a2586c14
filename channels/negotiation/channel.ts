import { accept, reply } from '../../server/index.ts';
import { micro } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Check, sameForm, untilUnmoved } from '../kernel/signatures.ts';
import { agentChannel } from '../principals/agent_session.ts';
import type { Sessions } from './negotiations.ts';
import { events, pushes } from './schema.ts';
import { acceptLines, agentOf, isSuperseded, offerLines, publicKeyOf, roleOf, standingOffer } from './state.ts';
import { completionView, offerView, sessionView } from './view.ts';

/** `negotiation:{session_id}`: two agents agree on a price (PROTOCOL.md, section 5.3). */
export const negotiationChannel = (sessions: Sessions, check: Check) =>
  agentChannel({
    topic: 'negotiation:*',
    events,
    pushes,

    async join({ id, assigns }) {
      const session = await sessions.read(id);
      if (!session) return refuse('not_found');
      const role = roleOf(session, assigns.agentId);
      return role ? accept({ role }, { session: sessionView(session) }) : refuse('unauthorized');
    },

    on: {
      async offer(payload, socket) {
        const { role: by } = socket.assigns;
        const [amountMicro, signature] = [micro(payload.amount), sameForm(payload.signature)];
        const decided = await untilUnmoved(async () => {
          const session = await sessions.stored(socket.id);
          if (!session) return refuse('not_found');
          const verdict = await check(offerLines(session, by, amountMicro), signature, publicKeyOf(session, by));
          return sessions.apply(socket.id, { type: 'offer', by, amountMicro, signature, verdict });
        });
        if (!decided.ok) return decided;

        const { state, events: happened } = decided;
        const standing = standingOffer(state, by);
        if (!standing) throw new Error('an offer that was taken is not there');
        const offer = offerView(state, standing);
        if (happened.length === 0) {
          return reply({ offer, duplicate: true, ...(isSuperseded(state, by, amountMicro) && { superseded: true }) });
        }
        socket.broadcastOthers('offer', offer);
        return reply({ offer });
      },

      async accept(payload, socket) {
        const { role: by } = socket.assigns;
        const [amountMicro, signature] = [micro(payload.amount), sameForm(payload.signature)];
        const decided = await untilUnmoved(async () => {
          const session = await sessions.stored(socket.id);
          if (!session) return refuse('not_found');
          const lines = acceptLines(session, by, amountMicro);
          const verdict = lines === undefined ? undefined : await check(lines, signature, publicKeyOf(session, by));
          return sessions.apply(socket.id, { type: 'accept', by, amountMicro, signature, verdict });
        });
        if (!decided.ok) return decided;

        const session = sessionView(decided.state);
        if (decided.events.length === 0) return reply({ session, duplicate: true });
        socket.broadcast('negotiation_complete', completionView(decided.state));
        return reply({ session });
      },

      async reject({ reason }, socket) {
        const { role: by } = socket.assigns;
        const decided = await sessions.apply(socket.id, { type: 'reject', by, reason });
        if (!decided.ok) return decided;

        const session = sessionView(decided.state);
        if (decided.events.length === 0) return reply({ session, duplicate: true });
        socket.broadcastOthers('reject', { agent_id: agentOf(decided.state, by), reason });
        return reply({ session });
      },
    },
  });
