import { accept } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import { type SignatureCheck, signedAmount } from '../kernel/signatures.ts';
import { answerChange, signedChange } from '../kernel/signed_change.ts';
import { agentChannel } from '../principals/agent_session.ts';
import type { Negotiations } from './negotiations.ts';
import { events, pushes } from './schema.ts';
import {
  acceptLines,
  agentOf,
  isSuperseded,
  type Negotiation,
  offerLines,
  publicKeyOf,
  roleOf,
  standingOffer,
} from './state.ts';
import { completionView, negotiationView, offerView } from './view.ts';

/** `negotiation:{session_id}`: two agents agree on a price (PROTOCOL.md, section 5.3). */
export function negotiationChannel(negotiations: Negotiations, check: SignatureCheck) {
  const stored = (id: string) => ({ what: `negotiation ${id}`, read: () => negotiations.stored(id) });
  const answer = (negotiation: Negotiation) => ({ session: negotiationView(negotiation) });

  return agentChannel({
    topic: 'negotiation:*',
    events,
    pushes,

    async join({ id, assigns }) {
      const negotiation = await negotiations.read(id);
      if (!negotiation) return refuse('not_found');
      const role = roleOf(negotiation, assigns.agentId);
      return role ? accept({ role }, { session: negotiationView(negotiation) }) : refuse('unauthorized');
    },

    on: {
      async offer(payload, socket) {
        const { id, assigns } = socket;
        const { role: by } = assigns;
        const { amountMicro, signature } = signedAmount(payload);
        return signedChange({
          ...stored(id),
          async apply(negotiation) {
            const verdict = await check(
              offerLines(negotiation, by, amountMicro),
              signature,
              publicKeyOf(negotiation, by),
            );
            return negotiations.applySigned(id, { type: 'offer', by, amountMicro, signature, verdict });
          },
          tell(event, negotiation) {
            if (event.type === 'offer_made') socket.broadcastOthers('offer', offerView(negotiation, event.offer));
          },
          answer(negotiation) {
            const standing = standingOffer(negotiation, by);
            if (!standing) throw new Error('an offer that was taken is not there');
            return { offer: offerView(negotiation, standing) };
          },
          answerRepeat: (negotiation) => (isSuperseded(negotiation, by, amountMicro) ? { superseded: true } : {}),
        });
      },

      async accept(payload, socket) {
        const { id, assigns } = socket;
        const { role: by } = assigns;
        const { amountMicro, signature } = signedAmount(payload);
        return signedChange({
          ...stored(id),
          async apply(negotiation) {
            const lines = acceptLines(negotiation, by, amountMicro);
            const verdict =
              lines === undefined ? undefined : await check(lines, signature, publicKeyOf(negotiation, by));
            return negotiations.applySigned(id, { type: 'accept', by, amountMicro, signature, verdict });
          },
          tell(event, negotiation) {
            if (event.type === 'agreed') socket.broadcast('negotiation_complete', completionView(negotiation));
          },
          answer,
        });
      },

      async reject({ reason }, socket) {
        const { role: by } = socket.assigns;
        return answerChange(await negotiations.apply(socket.id, { type: 'reject', by, reason }), {
          tell(event, negotiation) {
            if (event.type === 'rejected')
              socket.broadcastOthers('reject', { agent_id: agentOf(negotiation, by), reason });
          },
          answer,
        });
      },
    },
  });
}
