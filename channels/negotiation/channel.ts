import { accept } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Check, signedAmount } from '../kernel/signatures.ts';
import { answerChange, signedChange } from '../kernel/signed_change.ts';
import { agentChannel } from '../principals/agent_session.ts';
import type { Sessions } from './negotiations.ts';
import { events, pushes } from './schema.ts';
import {
  acceptLines,
  agentOf,
  isSuperseded,
  offerLines,
  publicKeyOf,
  roleOf,
  type Session,
  standingOffer,
} from './state.ts';
import { completionView, offerView, sessionView } from './view.ts';

/** `negotiation:{session_id}`: two agents agree on a price (PROTOCOL.md, section 5.3). */
export function negotiationChannel(sessions: Sessions, check: Check) {
  const stored = (id: string) => ({ what: `negotiation ${id}`, read: () => sessions.stored(id) });
  const answer = (session: Session) => ({ session: sessionView(session) });

  return agentChannel({
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
        const { id, assigns } = socket;
        const { role: by } = assigns;
        const { amountMicro, signature } = signedAmount(payload);
        return signedChange({
          ...stored(id),
          async apply(session) {
            const verdict = await check(offerLines(session, by, amountMicro), signature, publicKeyOf(session, by));
            return sessions.applySigned(id, { type: 'offer', by, amountMicro, signature, verdict });
          },
          tell(event, session) {
            if (event.type === 'offer_made') socket.broadcastOthers('offer', offerView(session, event.offer));
          },
          answer(session) {
            const standing = standingOffer(session, by);
            if (!standing) throw new Error('an offer that was taken is not there');
            return { offer: offerView(session, standing) };
          },
          answerRepeat: (session) => (isSuperseded(session, by, amountMicro) ? { superseded: true } : {}),
        });
      },

      async accept(payload, socket) {
        const { id, assigns } = socket;
        const { role: by } = assigns;
        const { amountMicro, signature } = signedAmount(payload);
        return signedChange({
          ...stored(id),
          async apply(session) {
            const lines = acceptLines(session, by, amountMicro);
            const verdict = lines === undefined ? undefined : await check(lines, signature, publicKeyOf(session, by));
            return sessions.applySigned(id, { type: 'accept', by, amountMicro, signature, verdict });
          },
          tell(event, session) {
            if (event.type === 'agreed') socket.broadcast('negotiation_complete', completionView(session));
          },
          answer,
        });
      },

      async reject({ reason }, socket) {
        const { role: by } = socket.assigns;
        return answerChange(await sessions.apply(socket.id, { type: 'reject', by, reason }), {
          tell(event, session) {
            if (event.type === 'rejected') socket.broadcastOthers('reject', { agent_id: agentOf(session, by), reason });
          },
          answer,
        });
      },
    },
  });
}
