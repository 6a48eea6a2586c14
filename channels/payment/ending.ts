import { type Decision, ok } from '../kernel/aggregate.ts';
import { usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Moved, signatureRefusal } from '../kernel/signed_change.ts';
import type { Close, Event, OpenDispute, Shown } from './commands.ts';
import { asOf, type Closing, type CoSigned, closeLines, type Dispute, type PaymentChannel, sumMicro } from './state.ts';
import { burnPending, pastAt } from './transfers.ts';

/** So many disputes that changed something are recognised when they come again. */
const MAX_DIGESTS = 64;

/** Opens a dispute, or shows a newer state while it lasts. */
export function dispute(
  channel: PaymentChannel,
  command: OpenDispute,
  nowMs: number,
): Decision<PaymentChannel, Event> | Moved {
  const { by, reason, evidenceJson, digest, shown } = command;
  const before = channel.dispute;
  if (before?.digests.includes(digest)) return ok({ state: channel, events: [] });
  if (asOf(channel, nowMs).closing) return refuse('channel_closed');
  const refused = shown && evidenceRefusal(channel, shown);
  if (refused) return refused;

  // At equal nonces what was executed here stands.
  const isNewer = shown?.state !== undefined && shown.state.nonce > (channel.lastState?.nonce ?? 0);
  const lastState: CoSigned | null = isNewer && shown.state ? shown.state : channel.lastState;
  const nonce = lastState?.nonce ?? 0;
  if (before) {
    if (!isNewer) return ok({ state: channel, events: [{ type: 'evidence_noted', by }] });
    const digests = [...before.digests, digest].slice(-MAX_DIGESTS);
    const renewed: Dispute = { ...before, reason, evidenceJson, digests };
    return ok({
      state: { ...channel, lastState, dispute: renewed },
      events: [{ type: 'newer_state_shown', by, dispute: renewed, nonce }],
    });
  }
  const opened: Dispute = {
    openedBy: by,
    openedAtMs: nowMs,
    endsAtMs: nowMs + channel.challengePeriodMs,
    reason,
    evidenceJson,
    digests: [digest],
  };
  const burnt = burnPending(channel, { by, cause: 'dispute', reason: 'dispute' }, nowMs);
  return {
    ...ok({
      state: { ...burnt.state, lastState, dispute: opened },
      events: [...burnt.events, { type: 'dispute_opened', dispute: opened, nonce } as const],
    }),
    entries: burnt.entries,
  };
}

/** A state counts if both have signed it, it keeps the sum, and neither took its nonce back. */
function evidenceRefusal(channel: PaymentChannel, { state, isSigned, past }: Shown) {
  if (!state || !isSigned || sumMicro(state.balances) !== sumMicro(channel.deposits)) return refuse('invalid_evidence');
  const here = pastAt(channel, state.nonce, past);
  if (here && 'hasMoved' in here) return here;
  return here && 'burned' in here && here.cause === 'rejected' ? refuse('invalid_evidence') : undefined;
}

/** Closes the channel as both have signed, disputed or not. */
export function close(channel: PaymentChannel, command: Close, nowMs: number): Decision<PaymentChannel, Event> | Moved {
  const { by, final, signatureA, signatureB, verdictA, verdictB } = command;
  if (channel.closing && isRepeat(channel.closing, command)) return ok({ state: channel, events: [] });
  if (asOf(channel, nowMs).closing) return refuse('channel_closed');
  const lines = closeLines(channel, final);
  const refused = signatureRefusal(verdictA, lines) ?? signatureRefusal(verdictB, lines);
  if (refused) return refused;
  const totalMicro = sumMicro(channel.deposits);
  if (sumMicro(final) !== totalMicro) return refuse('balance_mismatch', { expected: usdc(totalMicro) });

  const burnt = burnPending(channel, { by, cause: 'close', reason: 'close' }, nowMs);
  const signed = { signatureA, signatureB, closedAtMs: nowMs };
  const closing: Closing = { balances: final, nonce: channel.nonce, reason: 'cooperative', by, ...signed };
  const movedToAMicro = final.aMicro - channel.balances.aMicro;
  return {
    ...ok({
      state: { ...burnt.state, balances: final, closing },
      events: [...burnt.events, { type: 'closed', closing, movedToAMicro } as const],
    }),
    entries: burnt.entries,
  };
}

function isRepeat(closing: Closing, { by, final, signatureA, signatureB }: Close): boolean {
  return (
    closing.by === by &&
    closing.balances.aMicro === final.aMicro &&
    closing.balances.bMicro === final.bMicro &&
    closing.signatureA === signatureA &&
    closing.signatureB === signatureB
  );
}
