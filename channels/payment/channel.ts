import { accept } from '../../server/index.ts';
import { microBalance } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import { sameForm, signedAmount } from '../kernel/signatures.ts';
import { type Attempts, answerChange, applySigned, type Telling } from '../kernel/signed_change.ts';
import { agentChannel } from '../principals/agent_session.ts';
import type { Event } from './commands.ts';
import { type DisputeOptions, fileDispute } from './evidence.ts';
import { events, pushes } from './schema.ts';
import {
  agentOf,
  closeLines,
  closeNonce,
  nextTransfer,
  type Past,
  type PaymentChannel,
  publicKeyOf,
  type Side,
  sideOf,
  signatureOf,
  standingClose,
  stateLines,
  statusOf,
} from './state.ts';
import {
  channelView,
  closedView,
  coSignedView,
  disputeView,
  foundView,
  pendingView,
  proposedCloseView,
} from './view.ts';

/** 96 bits: enough to tell the proposals of two agents apart. */
const DIGEST_CHARACTERS = 16;

type Change = Pick<Attempts<PaymentChannel, Event>, 'apply'> & Telling<PaymentChannel, Event>;

/** `payment:{channel_id}`: two agents pay each other by states that both sign (PROTOCOL.md, section 5.4). */
export function paymentChannel(options: DisputeOptions) {
  const { payments, openings, check } = options;
  const change = async (id: string, how: Change) => {
    const { apply } = how;
    const applied = await applySigned({ what: `payment channel ${id}`, read: () => openings.stored(id), apply });
    return openings.whereOpen(id, answerChange(applied, how));
  };
  const answer = (channel: PaymentChannel) => ({ channel: channelView(channel) });

  return agentChannel({
    topic: 'payment:*',
    events,
    pushes,

    async join({ id, assigns }) {
      const found = await openings.find(id);
      if (!found) return refuse('not_found');
      const side = sideOf(found, assigns.agentId);
      return side ? accept({ side }, { channel: foundView(found) }) : refuse('unauthorized');
    },

    on: {
      async propose_transfer(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const { nonce } = payload;
        const { amountMicro, signature } = signedAmount(payload);
        let past: Past | undefined;
        return change(id, {
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
        return change(id, {
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
        return change(id, {
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
        return answerChange(await fileDispute(options, { id, by: assigns.side, request }), {
          tell(event, channel) {
            if ('dispute' in event) socket.broadcast('dispute', disputeView(channel, event.dispute));
          },
          answer,
        });
      },

      async propose_close(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const final = finalOf(payload);
        const { nonce } = payload;
        const signature = sameForm(payload.signature);
        const digest = requestDigest(by, { ...final, nonce, signature }).slice(0, DIGEST_CHARACTERS);
        return change(id, {
          async apply(channel) {
            // A signature that decides nothing is not worth a verification.
            const isWanted = statusOf(channel) !== 'closed' && nonce === closeNonce(channel);
            const verdict = isWanted
              ? await check(closeLines(channel, final), signature, publicKeyOf(channel, by))
              : undefined;
            const about = { by, final, nonce, signature, digest, verdict };
            return payments.applySigned(id, { type: 'propose_close', ...about });
          },
          tell(event, channel) {
            if (event.type === 'close_proposed') {
              socket.broadcastOthers('propose_close', proposedCloseView(channel, event.proposed));
            }
            if (event.type === 'closed') socket.broadcast('channel_closed', closedView(event.closing));
          },
          answer(channel) {
            const view = channelView(channel);
            return { proposed_close: view.proposed_close, ...(channel.closing && { channel: view }) };
          },
          answerRepeat: (channel) => (isStanding(channel, { by, signature }) ? {} : { superseded: true }),
        });
      },

      async close(payload, socket) {
        const { id, assigns } = socket;
        const { side: by } = assigns;
        const final = finalOf(payload);
        const [signatureA, signatureB] = [sameForm(payload.signature_a), sameForm(payload.signature_b)];
        return change(id, {
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

const finalOf = (payload: {
  readonly final_balance_a: string | number;
  readonly final_balance_b: string | number;
}) => ({
  aMicro: microBalance(payload.final_balance_a),
  bMicro: microBalance(payload.final_balance_b),
});

/** True if this is what stands, or what the channel was closed with. */
function isStanding(channel: PaymentChannel, { by, signature }: { readonly by: Side; readonly signature: string }) {
  const { closing } = channel;
  const standing = standingClose(channel);
  if (closing) return (by === 'a' ? closing.signatureA : closing.signatureB) === signature;
  return standing?.by === by && standing.signature === signature;
}
