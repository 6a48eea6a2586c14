import { type Decision, ok } from '../kernel/aggregate.ts';
import { microJson } from '../kernel/micro_json.ts';
import { usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Moved, moved, signatureRefusal } from '../kernel/signed_change.ts';
import type { Acknowledge, Event, Propose, Reject } from './commands.ts';
import {
  type Burned,
  type CoSigned,
  type Executed,
  nextTransfer,
  type Past,
  type PaymentChannel,
  type Pending,
  type Side,
  signatureOf,
  stateLines,
  withoutProposedClose,
} from './state.ts';

/** The stream that holds every nonce below the next one, but the pending one. */
export const HISTORY = 'history';

const historyChange = (past: Past) => ({ stream: HISTORY, position: past.nonce, value: microJson(past) });

/**
 * The history entry of a nonce; `moved` if there is one by now, but the command was prepared without it.
 *
 * @param past as read before the decision
 */
export function pastAt(channel: PaymentChannel, nonce: number, past: Past | undefined): Past | undefined | Moved {
  if (nonce < 1 || nonce >= channel.nextNonce || channel.pending?.nonce === nonce) return undefined;
  return past?.nonce === nonce ? past : moved;
}

/** True if this was taken before; `moved` if it takes another look at history to tell. */
export function isRepeat(channel: PaymentChannel, command: Propose | Acknowledge | Reject): boolean | Moved {
  const { pending } = channel;
  const nonce = command.nonce ?? (pending ? pending.nonce : channel.nextNonce - 1);
  const past = pastAt(channel, nonce, command.past);
  if (past && 'hasMoved' in past) return past;
  switch (command.type) {
    case 'propose_transfer': {
      const taken = pending?.nonce === nonce ? pending : past;
      return taken !== undefined && !('burned' in taken) && isProposal(taken, command);
    }
    case 'acknowledge_transfer':
      return (
        past !== undefined &&
        !('burned' in past) &&
        past.from !== command.by &&
        past.amountMicro === command.amountMicro &&
        signatureOf(past, command.by) === command.signature
      );
    case 'reject_transfer':
      return (
        past !== undefined &&
        'burned' in past &&
        past.cause === 'rejected' &&
        past.by === command.by &&
        past.reason === command.reason
      );
  }
}

function isProposal(taken: Pending | Executed, { by, amountMicro, signature }: Propose): boolean {
  const ofSender = 'signature' in taken ? taken.signature : signatureOf(taken, taken.from);
  return taken.from === by && taken.amountMicro === amountMicro && ofSender === signature;
}

export function propose(channel: PaymentChannel, command: Propose): Decision<PaymentChannel, Event> | Moved {
  const { by, amountMicro, nonce, signature, verdict } = command;
  if (channel.pending) return refuse('transfer_pending');
  if (nonce !== channel.nextNonce) return refuse('invalid_nonce', { expected: channel.nextNonce });
  const next = nextTransfer(channel, by, amountMicro);
  if (!next) return refuse('insufficient_balance');
  const refused = signatureRefusal(verdict, stateLines(channel, next));
  if (refused) return refused;
  const pending: Pending = { ...next, signature };
  return {
    ok: true,
    state: { ...channel, pending, nextNonce: nonce + 1 },
    events: [{ type: 'transfer_proposed', transfer: pending }],
  };
}

export function acknowledge(
  channel: PaymentChannel,
  command: Acknowledge,
  nowMs: number,
): Decision<PaymentChannel, Event> | Moved {
  const { by, amountMicro, nonce, verdict } = command;
  const { pending } = channel;
  if (pending?.nonce !== nonce) return refuse('no_pending_transfer');
  if (pending.from === by) return refuse('not_counterparty');
  if (amountMicro !== pending.amountMicro) {
    return refuse('amount_mismatch', { expected: usdc(pending.amountMicro) });
  }
  const refused = signatureRefusal(verdict, stateLines(channel, pending));
  if (refused) return refused;

  const { from, balances } = pending;
  const signatureA = by === 'b' ? pending.signature : command.signature;
  const signatureB = by === 'b' ? command.signature : pending.signature;
  const lastState: CoSigned = { nonce, from, amountMicro, balances, signatureA, signatureB };
  const executed: Executed = { ...lastState, atMs: nowMs };
  return {
    ok: true,
    state: { ...withoutProposedClose(channel), balances, nonce, pending: null, lastState },
    events: [{ type: 'transfer_executed', transfer: executed }],
    entries: [historyChange(executed)],
  };
}

/** Either side: the proposer withdraws. */
export function reject(channel: PaymentChannel, command: Reject, nowMs: number): Decision<PaymentChannel, Event> {
  const { by, reason } = command;
  const { pending } = channel;
  if (!pending || (command.nonce !== undefined && command.nonce !== pending.nonce)) {
    return refuse('no_pending_transfer');
  }
  const { state, events, entries } = burnPending(channel, { by, cause: 'rejected', reason }, nowMs);
  return { ...ok({ state, events }), entries };
}

type Why = Pick<Burned, 'cause' | 'reason'> & { readonly by: Side };

/** Gives up what is pending: its nonce will never pay here. */
export function burnPending(channel: PaymentChannel, why: Why, nowMs: number) {
  const { pending } = channel;
  if (!pending) return { state: channel, events: [], entries: [] };
  const burned: Burned = { ...why, nonce: pending.nonce, burned: true, atMs: nowMs };
  const events: Event[] = [{ type: 'transfer_burned', burned, transfer: pending }];
  return { state: { ...channel, pending: null }, events, entries: [historyChange(burned)] };
}
