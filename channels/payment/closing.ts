import { type Decision, ok } from '../kernel/aggregate.ts';
import { usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Moved, signatureRefusal } from '../kernel/signed_change.ts';
import type { Close, Event, ProposeClose } from './commands.ts';
import {
  asOf,
  type Balances,
  type Closing,
  closeLines,
  closeNonce,
  type PaymentChannel,
  type ProposedClose,
  type Side,
  standingClose,
  sumMicro,
  withoutProposedClose,
} from './state.ts';
import { burnPending } from './transfers.ts';

/** So many proposed closes are recognised when they come again. */
const MAX_DIGESTS = 64;

/**
 * Keeps final balances that one side has signed; with the same ones of the other side standing it closes the channel. It
 * stands until a newer one comes from either side, or the nonce moves. A repeat must not replace what came after it, but
 * may meet the other side's agreement.
 */
export function proposeClose(
  channel: PaymentChannel,
  command: ProposeClose,
  nowMs: number,
): Decision<PaymentChannel, Event> | Moved {
  const { by, final, nonce, signature, verdict, digest } = command;
  const { closeDigests = [], closing } = channel;
  const isRepeat = closeDigests.includes(digest);
  if (closing || asOf(channel, nowMs).closing) {
    return isRepeat ? ok({ state: channel, events: [] }) : refuse('channel_closed');
  }
  const standing = standingClose(channel);
  const isAgreed = standing !== null && standing.by !== by && standing.nonce === nonce && isSame(standing.final, final);
  if (isRepeat && !isAgreed) return ok({ state: channel, events: [] });
  if (nonce !== closeNonce(channel)) return refuse('invalid_nonce', { expected: closeNonce(channel) });
  const refused = sumRefusal(channel, final) ?? signatureRefusal(verdict, closeLines(channel, final));
  if (refused) return refused;

  const known = {
    ...channel,
    closeDigests: [...closeDigests.filter((one) => one !== digest), digest].slice(-MAX_DIGESTS),
  };
  if (isAgreed) {
    const [signatureA, signatureB] = by === 'b' ? [standing.signature, signature] : [signature, standing.signature];
    return closed(known, { by, final, signatureA, signatureB }, nowMs);
  }
  const proposed: ProposedClose = { by, final, nonce, signature, atMs: nowMs };
  return ok({
    state: { ...known, proposedClose: proposed },
    events: [{ type: 'close_proposed', proposed }],
  });
}

/** Closes the channel as both have signed, disputed or not. */
export function close(channel: PaymentChannel, command: Close, nowMs: number): Decision<PaymentChannel, Event> | Moved {
  const { by, final, signatureA, signatureB, verdictA, verdictB } = command;
  if (channel.closing && isRepeatOf(channel.closing, command)) return ok({ state: channel, events: [] });
  if (asOf(channel, nowMs).closing) return refuse('channel_closed');
  const lines = closeLines(channel, final);
  const refused = signatureRefusal(verdictA, lines) ?? signatureRefusal(verdictB, lines) ?? sumRefusal(channel, final);
  return refused ?? closed(channel, { by, final, signatureA, signatureB }, nowMs);
}

interface Agreed {
  readonly by: Side;
  readonly final: Balances;
  readonly signatureA: string;
  readonly signatureB: string;
}

function closed(channel: PaymentChannel, { by, final, ...signatures }: Agreed, nowMs: number) {
  const burnt = burnPending(withoutProposedClose(channel), { by, cause: 'close', reason: 'close' }, nowMs);
  const closing: Closing = {
    ...{ balances: final, nonce: closeNonce(channel), reason: 'cooperative', by },
    ...{ ...signatures, closedAtMs: nowMs },
  };
  const movedToAMicro = final.aMicro - channel.balances.aMicro;
  return {
    ...ok({
      state: { ...burnt.state, balances: final, closing },
      events: [...burnt.events, { type: 'closed', closing, movedToAMicro } as const],
    }),
    entries: burnt.entries,
  };
}

function sumRefusal({ deposits }: PaymentChannel, final: Balances) {
  const totalMicro = sumMicro(deposits);
  return sumMicro(final) === totalMicro ? undefined : refuse('balance_mismatch', { expected: usdc(totalMicro) });
}

const isSame = (one: Balances, other: Balances) => one.aMicro === other.aMicro && one.bMicro === other.bMicro;

const isRepeatOf = (closing: Closing, { by, final, signatureA, signatureB }: Close) =>
  closing.by === by &&
  isSame(closing.balances, final) &&
  closing.signatureA === signatureA &&
  closing.signatureB === signatureB;
