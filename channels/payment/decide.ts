import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Moved } from '../kernel/signed_change.ts';
import { settleNotices, withNoticesDue } from '../messages/follow_up.ts';
import { close, proposeClose } from './closing.ts';
import type { Command, Event, Open } from './commands.ts';
import { dispute } from './disputing.ts';
import { asOf, newChannel, type PaymentChannel, statusOf } from './state.ts';
import { acknowledge, isRepeat, propose, reject } from './transfers.ts';

/**
 * A command that was taken before comes out as yes with no events: a repeat is harmless, also when the channel has
 * gone on or is closed.
 */
export function decide(
  before: PaymentChannel | undefined,
  command: Command,
  nowMs: number,
): Decision<PaymentChannel, Event> | Moved {
  const decision = decideCourse(before, command, nowMs);
  if (!decision.ok || !before || before.closing || !decision.state.closing) return decision;
  return { ...decision, state: withNoticesDue(decision.state, nowMs) };
}

function decideCourse(
  before: PaymentChannel | undefined,
  command: Command,
  nowMs: number,
): Decision<PaymentChannel, Event> | Moved {
  if (command.type === 'open') return open(before, command, nowMs);
  if (!before) return refuse('not_found');
  switch (command.type) {
    case 'notices_settled':
      return settleNotices(before);
    case 'settle':
      return settle(before, nowMs);
    case 'propose_transfer':
    case 'acknowledge_transfer':
    case 'reject_transfer': {
      const repeat = isRepeat(before, command);
      if (repeat === true) return ok({ state: before, events: [] });
      if (repeat !== false) return repeat;
      const status = statusOf(asOf(before, nowMs));
      if (status !== 'open') return refuse(status === 'closed' ? 'channel_closed' : 'channel_disputed');
      if (command.type === 'propose_transfer') return propose(before, command);
      return command.type === 'reject_transfer' ? reject(before, command, nowMs) : acknowledge(before, command, nowMs);
    }
    case 'dispute':
      return dispute(before, command, nowMs);
    case 'propose_close':
      return proposeClose(before, command, nowMs);
    case 'close':
      return close(before, command, nowMs);
  }
}

function open(
  before: PaymentChannel | undefined,
  { terms, notices, openedAtMs }: Open,
  nowMs: number,
): Decision<PaymentChannel, Event> {
  if (before) {
    return before.registration === terms.registration ? ok({ state: before, events: [] }) : refuse('conflict');
  }
  const state = newChannel(terms, { openedAtMs: openedAtMs ?? nowMs, notices });
  return ok({ state, events: [{ type: 'opened', terms }] });
}

/** Closes the channel if its challenge period is over. */
function settle(before: PaymentChannel, nowMs: number): Decision<PaymentChannel, Event> {
  const state = asOf(before, nowMs);
  if (state === before || !state.closing) return ok({ state: before, events: [] });
  const movedToAMicro = state.balances.aMicro - before.balances.aMicro;
  return ok({ state, events: [{ type: 'closed', closing: state.closing, movedToAMicro }] });
}
