import type { Static } from 'typebox';
import { payloadCheck } from '../../server/index.ts';
import type { Applied } from '../kernel/aggregate.ts';
import { sizeRefusal } from '../kernel/fields.ts';
import { micro, microBalance } from '../kernel/money.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import { type SignatureCheck, sameForm } from '../kernel/signatures.ts';
import { applySigned } from '../kernel/signed_change.ts';
import type { Event, Shown } from './commands.ts';
import type { Openings } from './openings.ts';
import type { Payments } from './payments.ts';
import { CoSignedState, type DisputeRequest, EVIDENCE_KIB } from './schema.ts';
import { type CoSigned, type PaymentChannel, type Side, sideOf, stateLines } from './state.ts';

export interface DisputeOptions {
  readonly payments: Payments;
  readonly openings: Openings;
  readonly check: SignatureCheck;
}

const checkState = payloadCheck(CoSignedState);

/** A dispute, over a socket or over HTTP: read, check the signatures, decide and commit. */
export async function fileDispute(
  { payments, openings, check }: DisputeOptions,
  { id, by, request }: { readonly id: string; readonly by: Side; readonly request: DisputeRequest },
): Promise<Applied<PaymentChannel, Event>> {
  const { reason, evidence } = request;
  const tooLarge = sizeRefusal('/evidence', evidence, EVIDENCE_KIB);
  if (tooLarge) return tooLarge;
  const evidenceJson = JSON.stringify(evidence);
  const digest = requestDigest(by, { reason, evidence });
  const applied = await applySigned({
    what: `payment channel ${id}`,
    read: () => openings.stored(id),
    async apply(channel) {
      const shown = await shownBy(evidence, channel, payments, check);
      return payments.applySigned(id, { type: 'dispute', by, reason, evidenceJson, digest, shown });
    },
  });
  return openings.whereOpen(id, applied);
}

async function shownBy(
  evidence: unknown,
  channel: PaymentChannel,
  payments: Payments,
  check: SignatureCheck,
): Promise<Shown | undefined> {
  if (typeof evidence !== 'object' || evidence === null || !Object.hasOwn(evidence, 'state')) return undefined;
  const { state: wire } = evidence as { readonly state: unknown };
  if (wire === null) return undefined;
  const state = readState(wire, channel);
  if (!state) return { state, isSigned: false, past: undefined };
  const lines = stateLines(channel, state);
  const [a, b, past] = await Promise.all([
    check(lines, state.signatureA, channel.publicKeyA),
    check(lines, state.signatureB, channel.publicKeyB),
    payments.past(channel, state.nonce),
  ]);
  return { state, isSigned: a.isGood && b.isGood, past };
}

function readState(wire: unknown, channel: PaymentChannel): CoSigned | undefined {
  const checked = checkState(wire);
  if (!checked.ok) return undefined;
  const state = checked.payload as Static<typeof CoSignedState>;
  const [from, to] = [sideOf(channel, state.from), sideOf(channel, state.to)];
  if (!from || !to || from === to) return undefined;
  return {
    nonce: state.nonce,
    from,
    amountMicro: micro(state.amount),
    balances: { aMicro: microBalance(state.balance_a), bMicro: microBalance(state.balance_b) },
    signatureA: sameForm(state.signature_a),
    signatureB: sameForm(state.signature_b),
  };
}
