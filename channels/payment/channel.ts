import { accept } from '../../server/index.ts';
import { microBalance } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { type SignatureCheck, sameForm, signedAmount } from '../kernel/signatures.ts';
import { answerChange, signedChange } from '../kernel/signed_change.ts';
import { agentChannel } from '../principals/agent_session.ts';
import { fileDispute } from './evidence.ts';
import type { Payments } from './payments.ts';
import { events, pushes } from './schema.ts';
import {
  agentOf,
  closeLines,
  nextTransfer,
  type Past,
  type PaymentChannel,
  publicKeyOf,
  sideOf,
  signatureOf,
  stateLines,
  statusOf,
} from './state.ts';
import { channelView, closedView, coSignedView, disputeView, pendingView } from './view.ts';

/** `payment:{channel_id}`: two agents pay each other by states that both sign (PROTOCOL.md, section 5.4). */
export function paymentChannel(payments: Payments, check: SignatureCheck) {
  const stored = (id: string) => ({ what: `payment channel ${id}`, read: () => payments.stored(id) });
  const answer = (channel: PaymentChannel) => ({ channel: channelView(channel) });

  return agentChannel({
    topic: 'payment:*',
    events,
    pushes,

    async join({ id, assigns }) {
      const channel = await payments.read(id);
      if (!channel) return refuse('not_found');
      const side = sideOf(channel, assigns.agentId);
      return side ? accept({ side }, { channel: channelView(channel) }) : refuse('unauthorized');
    },

    on: {
      async propose_transfer(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const { nonce } = payload;
        const { amountMicro, signature } = signedAmount(payload);
        let past: Past | undefined;
        return signedChange({
          ...stored(id),
          async apply(channel) {
            past = await payments.past(channel, nonce);
            // A signature that decides nothing is not worth a verification.
            const isFree = statusOf(channel) === 'open' && !channel.pending && channel.nextNonce === nonce;
            const next = isFree ? nextTransfer(channel, by, amountMicro) : undefined;
            const verdict = next && (await check(stateLines(channel, next), signature, publicKeyOf(channel, by)));
            const about = { by, amountMicro, nonce, signature, past, verdict };
            return payments.applySigned(id, { type: 'propose_transfer', ...about });
          },
          tell(event, channel) {
            if (event.type !== 'transfer_proposed') return;
            socket.broadcastOthers('propose_transfer', pendingView(channel, event.transfer));
          },
          answer(channel) {
            if (channel.pending?.nonce === nonce) return { pending: pendingView(channel, channel.pending) };
            if (!past || 'burned' in past) throw new Error('a proposal that was taken is not there');
            return { pending: pendingView(channel, { ...past, signature: signatureOf(past, by) }) };
          },
        });
      },

      async acknowledge_transfer(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const { nonce } = payload;
        const { amountMicro, signature } = signedAmount(payload);
        return signedChange({
          ...stored(id),
          async apply(channel) {
            const past = await payments.past(channel, nonce);
            const { pending } = channel;
            const isMine = pending?.nonce === nonce && pending.from !== by && pending.amountMicro === amountMicro;
            const verdict = isMine
              ? await check(stateLines(channel, pending), signature, publicKeyOf(channel, by))
              : undefined;
            const about = { by, amountMicro, nonce, signature, past, verdict };
            return payments.applySigned(id, { type: 'acknowledge_transfer', ...about });
          },
          tell(event, channel) {
            if (event.type !== 'transfer_executed') return;
            socket.broadcast('transfer_complete', coSignedView(channel, event.transfer));
          },
          answer,
        });
      },

      async reject_transfer({ nonce, reason }, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        return signedChange({
          ...stored(id),
          async apply(channel) {
            const past = await payments.past(channel, nonce ?? channel.nextNonce - 1);
            return payments.applySigned(id, { type: 'reject_transfer', by, nonce, reason, past });
          },
          tell(event, channel) {
            if (event.type !== 'transfer_burned') return;
            const { burned } = event;
            socket.broadcastOthers('reject_transfer', { nonce: burned.nonce, reason, by: agentOf(channel, by) });
          },
          answer,
        });
      },

      async dispute(request, socket) {
        const { id, assigns } = socket;
        return answerChange(await fileDispute(payments, check, { id, by: assigns.side, request }), {
          tell(event, channel) {
            if ('dispute' in event) socket.broadcast('dispute', disputeView(channel, event.dispute));
          },
          answer,
        });
      },

      async close(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const final = { aMicro: microBalance(payload.final_balance_a), bMicro: microBalance(payload.final_balance_b) };
        const [signatureA, signatureB] = [sameForm(payload.signature_a), sameForm(payload.signature_b)];
        return signedChange({
          ...stored(id),
          async apply(channel) {
            const lines = closeLines(channel, final);
            const isClosed = statusOf(channel) === 'closed';
            const [verdictA, verdictB] = await Promise.all([
              isClosed ? undefined : check(lines, signatureA, channel.publicKeyA),
              isClosed ? undefined : check(lines, signatureB, channel.publicKeyB),
            ]);
            return payments.applySigned(id, { type: 'close', by, final, signatureA, signatureB, verdictA, verdictB });
          },
          tell(event) {
            if (event.type === 'closed') socket.broadcast('channel_closed', closedView(event.closing));
          },
          answer,
        });
      },
    },
  });
}
