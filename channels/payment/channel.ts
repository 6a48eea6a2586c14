import { accept, reply } from '../../server/index.ts';
import { micro, microBalance } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Check, sameForm, untilUnmoved } from '../kernel/signatures.ts';
import { agentChannel } from '../principals/agent_session.ts';
import { fileDispute } from './evidence.ts';
import type { Payments } from './payments.ts';
import { events, pushes } from './schema.ts';
import {
  agentOf,
  closeLines,
  nextTransfer,
  type Past,
  publicKeyOf,
  sideOf,
  signatureOf,
  stateLines,
  statusOf,
} from './state.ts';
import { channelView, closedView, coSignedView, disputeView, pendingView } from './view.ts';

/** `payment:{channel_id}`: two agents pay each other by states that both sign (PROTOCOL.md, section 5.4). */
export const paymentChannel = (payments: Payments, check: Check) =>
  agentChannel({
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
        const [amountMicro, signature] = [micro(payload.amount), sameForm(payload.signature)];
        let past: Past | undefined;
        const decided = await untilUnmoved(async () => {
          const channel = await payments.stored(id);
          if (!channel) return refuse('not_found');
          past = await payments.past(channel, nonce);
          // A signature that decides nothing is not worth a verification.
          const isFree = statusOf(channel) === 'open' && !channel.pending && channel.nextNonce === nonce;
          const next = isFree ? nextTransfer(channel, by, amountMicro) : undefined;
          const verdict = next && (await check(stateLines(channel, next), signature, publicKeyOf(channel, by)));
          return payments.apply(id, { type: 'propose_transfer', by, amountMicro, nonce, signature, past, verdict });
        });
        if (!decided.ok) return decided;

        const { state, events: happened } = decided;
        const taken = state.pending?.nonce === nonce ? state.pending : undefined;
        if (taken) {
          const pending = pendingView(state, taken);
          if (happened.length === 0) return reply({ pending, duplicate: true });
          socket.broadcastOthers('propose_transfer', pending);
          return reply({ pending });
        }
        if (!past || 'burned' in past) throw new Error('a proposal that was taken is not there');
        return reply({ pending: pendingView(state, { ...past, signature: signatureOf(past, by) }), duplicate: true });
      },

      async acknowledge_transfer(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const { nonce } = payload;
        const [amountMicro, signature] = [micro(payload.amount), sameForm(payload.signature)];
        const decided = await untilUnmoved(async () => {
          const channel = await payments.stored(id);
          if (!channel) return refuse('not_found');
          const past = await payments.past(channel, nonce);
          const { pending } = channel;
          const isMine = pending?.nonce === nonce && pending.from !== by && pending.amountMicro === amountMicro;
          const verdict = isMine
            ? await check(stateLines(channel, pending), signature, publicKeyOf(channel, by))
            : undefined;
          return payments.apply(id, { type: 'acknowledge_transfer', by, amountMicro, nonce, signature, past, verdict });
        });
        if (!decided.ok) return decided;

        const channel = channelView(decided.state);
        for (const event of decided.events) {
          if (event.type !== 'transfer_executed') continue;
          socket.broadcast('transfer_complete', coSignedView(decided.state, event.transfer));
          return reply({ channel });
        }
        return reply({ channel, duplicate: true });
      },

      async reject_transfer({ nonce, reason }, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const decided = await untilUnmoved(async () => {
          const channel = await payments.stored(id);
          if (!channel) return refuse('not_found');
          const past = await payments.past(channel, nonce ?? channel.nextNonce - 1);
          return payments.apply(id, { type: 'reject_transfer', by, nonce, reason, past });
        });
        if (!decided.ok) return decided;

        const channel = channelView(decided.state);
        for (const event of decided.events) {
          if (event.type !== 'transfer_burned') continue;
          const { burned } = event;
          socket.broadcastOthers('reject_transfer', { nonce: burned.nonce, reason, by: agentOf(decided.state, by) });
          return reply({ channel });
        }
        return reply({ channel, duplicate: true });
      },

      async dispute(request, socket) {
        const { id, assigns } = socket;
        const decided = await fileDispute(payments, check, { id, by: assigns.side, request });
        if (!decided.ok) return decided;

        const { state, events: happened } = decided;
        const channel = channelView(state);
        if (happened.length === 0) return reply({ channel, duplicate: true });
        for (const event of happened) {
          if ('dispute' in event) socket.broadcast('dispute', disputeView(state, event.dispute));
        }
        return reply({ channel });
      },

      async close(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const final = { aMicro: microBalance(payload.final_balance_a), bMicro: microBalance(payload.final_balance_b) };
        const [signatureA, signatureB] = [sameForm(payload.signature_a), sameForm(payload.signature_b)];
        const decided = await untilUnmoved(async () => {
          const channel = await payments.stored(id);
          if (!channel) return refuse('not_found');
          const lines = closeLines(channel, final);
          const isClosed = statusOf(channel) === 'closed';
          const [verdictA, verdictB] = await Promise.all([
            isClosed ? undefined : check(lines, signatureA, channel.publicKeyA),
            isClosed ? undefined : check(lines, signatureB, channel.publicKeyB),
          ]);
          return payments.apply(id, { type: 'close', by, final, signatureA, signatureB, verdictA, verdictB });
        });
        if (!decided.ok) return decided;

        const channel = channelView(decided.state);
        for (const event of decided.events) {
          if (event.type !== 'closed') continue;
          socket.broadcast('channel_closed', closedView(event.closing));
          return reply({ channel });
        }
        return reply({ channel, duplicate: true });
      },
    },
  });
