import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Moved } from '../kernel/signed_change.ts';
import type { Event, OpenDispute, Shown } from './commands.ts';
import {
  asOf,
  type CoSigned,
  closeNonce,
  type Dispute,
  type PaymentChannel,
  sumMicro,
  withoutProposedClose,
} from './state.ts';
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
  const isNewer = shown?.state !== undefined && shown.state.nonce > closeNonce(channel);
  const lastState: CoSigned | null = isNewer && shown.state ? shown.state : channel.lastState;
  const nonce = closeNonce({ lastState });
  const kept = isNewer ? withoutProposedClose(channel) : channel;
  if (before) {
    if (!isNewer) return ok({ state: channel, events: [{ type: 'evidence_noted', by }] });
    const digests = [...before.digests, digest].slice(-MAX_DIGESTS);
    const renewed: Dispute = { ...before, reason, evidenceJson, digests };
    return ok({
      state: { ...kept, lastState, dispute: renewed },
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
  const burnt = burnPending(kept, { by, cause: 'dispute', reason: 'dispute' }, nowMs);
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
