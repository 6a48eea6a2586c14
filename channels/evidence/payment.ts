import type { Static } from 'typebox';
import { signedLines } from '../../crypto/signed_text.ts';
import { micro, microBalance, usdc } from '../kernel/money.ts';
import { verifyOpening } from './opening.ts';
import type { Report } from './report.ts';
import type { Executed, HistoryItem, PaymentExport } from './schema.ts';

type Channel = PaymentExport['channel'];
type State = Static<typeof Executed>;

const isExecuted = (item: HistoryItem): item is State => !('burned' in item);
const depositsMicro = ({ deposit_a: a, deposit_b: b }: Channel) => sumMicro(a, b);
const sumMicro = (a: string | number, b: string | number) => microBalance(a) + microBalance(b);

/** Checks a payment channel from its deposits to its end, as the server decided it. */
export async function verifyPayment({ channel, history }: PaymentExport, report: Report): Promise<void> {
  report.expect(channel.agent_a !== channel.agent_b, '/channel/agent_b', 'both sides are the same agent');
  await verifyOpening(channel, report);
  const balances = { aMicro: micro(channel.deposit_a), bMicro: micro(channel.deposit_b) };
  let lastNonce = 0;
  for (const [at, item] of history.entries()) {
    const path = `/history/${at}`;
    const pendingNonce = channel.pending?.nonce;
    const expected = lastNonce + 1 === pendingNonce ? lastNonce + 2 : lastNonce + 1;
    report.expect(item.nonce === expected, `${path}/nonce`, `is ${item.nonce}, not ${expected}`);
    lastNonce = item.nonce;
    if (!isExecuted(item)) {
      const isMember = item.by === channel.agent_a || item.by === channel.agent_b;
      report.expect(isMember, `${path}/by`, 'is neither of the two agents');
      continue;
    }
    const movedMicro = item.from === channel.agent_a ? micro(item.amount) : -micro(item.amount);
    balances.aMicro -= movedMicro;
    balances.bMicro += movedMicro;
    const isMoved =
      microBalance(item.balance_a) === balances.aMicro && microBalance(item.balance_b) === balances.bMicro;
    report.expect(isMoved, `${path}/balance_a`, 'the balances are not those before it, moved by its amount');
    // From here on what it says is believed, so that one fault is told once.
    [balances.aMicro, balances.bMicro] = [microBalance(item.balance_a), microBalance(item.balance_b)];
    await verifyState(channel, item, path, report);
  }
  const executed = history.filter(isExecuted);
  const newest = executed.at(-1);
  const { nonce, next_nonce: nextNonce, pending } = channel;
  report.expect(nonce === (newest?.nonce ?? 0), '/channel/nonce', 'is not the last executed one');
  const highest = Math.max(lastNonce, pending?.nonce ?? 0);
  report.expect(nextNonce === highest + 1, '/channel/next_nonce', `is not ${highest + 1}: history is not whole`);
  await verifyLastState(channel, history, newest, report);
  await verifyProposedClose(channel, report);
  await verifyEnd(channel, balances, report);
}

async function verifyState(channel: Channel, state: State, path: string, report: Report): Promise<void> {
  const { agent_a: a, agent_b: b } = channel;
  const isBetween = (state.from === a && state.to === b) || (state.from === b && state.to === a);
  report.expect(isBetween, `${path}/from`, 'is not from one of the two agents to the other');
  const total = depositsMicro(channel);
  const isKept = sumMicro(state.balance_a, state.balance_b) === total;
  report.expect(isKept, `${path}/balance_a`, `the balances are not together the deposits, ${usdc(total)}`);
  const lines = signedLines('payment.state', {
    channel_id: channel.id,
    nonce: state.nonce,
    from_agent_id: state.from,
    to_agent_id: state.to,
    amount: usdc(micro(state.amount)),
    balance_a: usdc(microBalance(state.balance_a)),
    balance_b: usdc(microBalance(state.balance_b)),
  });
  await report.signature(`${path}/signature_a`, a, lines, state.signature_a);
  await report.signature(`${path}/signature_b`, b, lines, state.signature_b);
}

/** The newest state is the last executed one, or one that evidence has shown, whose nonce was not taken back. */
async function verifyLastState(
  channel: Channel,
  history: readonly HistoryItem[],
  newest: State | undefined,
  report: Report,
): Promise<void> {
  const path = '/channel/last_state';
  const { last_state: last } = channel;
  if (!last) return void report.expect(newest === undefined, path, 'is missing, though a transfer was executed');
  await verifyState(channel, last, path, report);
  if (newest && last.nonce <= newest.nonce) {
    const isSame = last.nonce === newest.nonce && microBalance(last.balance_a) === microBalance(newest.balance_a);
    return void report.expect(isSame, path, 'is older than, or not the same as, the last executed state');
  }
  report.expect(channel.challenge_ends_at != null, path, 'was never executed, and there was no dispute');
  for (const item of history) {
    if (item.nonce !== last.nonce || isExecuted(item)) continue;
    // What the dispute itself has burned may be shown: it went at the very moment when the dispute began.
    const beganAtMs = Date.parse(channel.challenge_ends_at ?? '') - channel.challenge_period_ms;
    report.expect(Date.parse(item.at) === beganAtMs, `${path}/nonce`, 'was burned, so it can never pay');
  }
}

async function verifyProposedClose(channel: Channel, report: Report): Promise<void> {
  const { proposed_close: proposed } = channel;
  if (!proposed) return;
  const path = '/channel/proposed_close';
  const isMember = proposed.by === channel.agent_a || proposed.by === channel.agent_b;
  report.expect(isMember, `${path}/by`, 'is neither of the two agents');
  report.expect(!channel.closing, path, 'counts no more, as the channel is closed');
  report.expect(proposed.nonce === closeNonce(channel), `${path}/nonce`, 'is not that of the newest state');
  const isKept = sumMicro(proposed.final_balance_a, proposed.final_balance_b) === depositsMicro(channel);
  report.expect(isKept, `${path}/final_balance_a`, 'the final balances are not together the deposits');
  await report.signature(`${path}/signature`, proposed.by, closeLines(channel, proposed), proposed.signature);
}

interface Finals {
  readonly final_balance_a: string | number;
  readonly final_balance_b: string | number;
  readonly nonce: number;
}

const closeLines = ({ id }: Channel, { nonce, final_balance_a: a, final_balance_b: b }: Finals) =>
  signedLines('payment.close', {
    channel_id: id,
    nonce,
    final_balance_a: usdc(microBalance(a)),
    final_balance_b: usdc(microBalance(b)),
  });

/** A close is signed over the nonce of the newest state. */
const closeNonce = ({ last_state: last }: Channel) => last?.nonce ?? 0;

async function verifyEnd(
  channel: Channel,
  executed: { readonly aMicro: bigint; readonly bMicro: bigint },
  report: Report,
): Promise<void> {
  const { closing, last_state: last } = channel;
  const total = depositsMicro(channel);
  const isKept = sumMicro(channel.balance_a, channel.balance_b) === total;
  report.expect(isKept, '/channel/balance_a', `the balances are not together the deposits, ${usdc(total)}`);
  if (!closing) {
    report.expect(channel.status !== 'closed', '/channel/closing', 'is missing, though the channel is closed');
    const isExecutedState = microBalance(channel.balance_a) === executed.aMicro;
    report.expect(isExecutedState, '/channel/balance_a', 'is not what the transfers have left');
    return;
  }
  const path = '/channel/closing';
  report.expect(channel.status === 'closed', '/channel/status', 'is not closed, though it says how it was');
  const { final_balance_a: a, final_balance_b: b } = closing;
  const isFinal =
    microBalance(a) === microBalance(channel.balance_a) && microBalance(b) === microBalance(channel.balance_b);
  report.expect(isFinal && sumMicro(a, b) === total, `${path}/final_balance_a`, 'the final balances are not kept');
  if (closing.reason === 'dispute') {
    const expected = last ? microBalance(last.balance_a) : executed.aMicro;
    const isNewest = closing.nonce === (last?.nonce ?? 0) && microBalance(a) === expected;
    report.expect(isNewest, path, 'is not the newest state that both have signed');
    return;
  }
  report.expect(closing.nonce === closeNonce(channel), `${path}/nonce`, 'is not that of the newest state');
  if (closing.reason !== 'cooperative') {
    const isUntouched = microBalance(a) === micro(channel.deposit_a) && channel.next_nonce === 1;
    report.expect(isUntouched && channel.opened_at == null, path, 'is that of a channel that was never opened');
    return;
  }
  const lines = closeLines(channel, closing);
  await report.signature(`${path}/signature_a`, channel.agent_a, lines, closing.signature_a ?? '');
  await report.signature(`${path}/signature_b`, channel.agent_b, lines, closing.signature_b ?? '');
}
