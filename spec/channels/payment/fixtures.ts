import { micro } from '../../../channels/kernel/money.ts';
import type {
  Acknowledge,
  Close,
  OpenDispute,
  Propose,
  ProposeClose,
  Reject,
  Shown,
} from '../../../channels/payment/commands.ts';
import {
  type Balances,
  type CoSigned,
  closeLines,
  closeNonce,
  nextTransfer,
  type Past,
  type PaymentChannel,
  type Side,
  stateLines,
} from '../../../channels/payment/state.ts';
import { NOW_MS } from '../kernel/scenario.ts';

export const balances = (a: string, b: string): Balances => ({ aMicro: micro(a), bMicro: micro(b) });

export const terms = {
  id: 'pay-1',
  agentA: 'agent-1',
  agentB: 'agent-7',
  publicKeyA: 'the key of a',
  publicKeyB: 'the key of b',
  deposits: balances('10', '5'),
  challengePeriodMs: 1_000,
  signatureA: null,
  signatureB: null,
  creator: null,
  registration: 'digest',
};

export const channel = (fields: Partial<PaymentChannel> = {}): PaymentChannel => ({
  ...terms,
  openedAtMs: NOW_MS,
  noticesDueMs: null,
  balances: terms.deposits,
  nonce: 0,
  nextNonce: 1,
  pending: null,
  lastState: null,
  dispute: null,
  closing: null,
  ...fields,
});

interface Extra {
  readonly nonce?: number;
  readonly past?: Past;
  readonly isGood?: boolean;
  readonly signature?: string;
}

export const propose =
  (by: Side, amount: string, { nonce, past, isGood = true, signature = `${by} pays ${amount}` }: Extra = {}) =>
  (state: PaymentChannel): Propose => {
    const next = nextTransfer(state, by, micro(amount));
    return {
      type: 'propose_transfer',
      by,
      amountMicro: micro(amount),
      nonce: nonce ?? state.nextNonce,
      signature,
      past,
      verdict: next && { lines: stateLines(state, next), isGood },
    };
  };

export const acknowledge =
  (by: Side, amount: string, { nonce, past, isGood = true, signature = `${by} takes ${amount}` }: Extra = {}) =>
  (state: PaymentChannel): Acknowledge => ({
    type: 'acknowledge_transfer',
    by,
    amountMicro: micro(amount),
    nonce: nonce ?? state.pending?.nonce ?? state.nonce,
    signature,
    past,
    verdict: state.pending ? { lines: stateLines(state, state.pending), isGood } : undefined,
  });

export const reject =
  (by: Side, { nonce, past, reason = 'no' }: Pick<Extra, 'nonce' | 'past'> & { reason?: string } = {}) =>
  (): Reject => ({ type: 'reject_transfer', by, nonce, reason, past });

export const dispute = (by: Side, shown?: Shown, reason = 'gone silent'): OpenDispute => ({
  type: 'dispute',
  by,
  reason,
  evidenceJson: '{}',
  digest: JSON.stringify([by, reason, shown?.state?.nonce]),
  shown,
});

/** A state that both have signed, unless told. */
export const shown = (
  nonce: number,
  a: string,
  b: string,
  { past, isSigned = true }: { past?: Past; isSigned?: boolean } = {},
): Shown => ({ state: coSigned(nonce, a, b), isSigned, past });

export const coSigned = (nonce: number, a: string, b: string): CoSigned => ({
  nonce,
  from: 'a',
  amountMicro: 1n,
  balances: balances(a, b),
  signatureA: `a signs ${nonce}`,
  signatureB: `b signs ${nonce}`,
});

export const proposeClose =
  (by: Side, a: string, b: string, { nonce, isGood = true, signature = `${by} closes ${a} ${b}` }: Extra = {}) =>
  (state: PaymentChannel): ProposeClose => {
    const final = balances(a, b);
    const named = nonce ?? closeNonce(state);
    const digest = JSON.stringify([by, a, b, named, signature]);
    return {
      type: 'propose_close',
      by,
      final,
      nonce: named,
      signature,
      digest,
      verdict: { lines: closeLines(state, final), isGood },
    };
  };

export const close =
  (by: Side, a: string, b: string, { isGoodA = true, isGoodB = true } = {}) =>
  (state: PaymentChannel): Close => {
    const final = balances(a, b);
    const lines = closeLines(state, final);
    return {
      type: 'close',
      by,
      final,
      signatureA: `a closes ${a} ${b}`,
      signatureB: `b closes ${a} ${b}`,
      verdictA: { lines, isGood: isGoodA },
      verdictB: { lines, isGood: isGoodB },
    };
  };
