import { signedLines } from '../../crypto/signed_text.ts';
import { micro, usdc } from '../kernel/money.ts';
import type { Report } from './report.ts';
import type { PaymentExport } from './schema.ts';

/**
 * Checks who has signed the terms: both sides where it was opened, but where the admin did so without; of a proposal,
 * whoever made it.
 */
export async function verifyOpening(channel: PaymentExport['channel'], report: Report): Promise<void> {
  const { agent_a: a, agent_b: b, open_signature_a: ofA, open_signature_b: ofB, proposed_by: proposer } = channel;
  const lines = signedLines('payment.open', {
    channel_id: channel.id,
    agent_a: a,
    agent_b: b,
    deposit_a: usdc(micro(channel.deposit_a)),
    deposit_b: usdc(micro(channel.deposit_b)),
    challenge_period_ms: channel.challenge_period_ms,
  });
  if (ofA != null) await report.signature('/channel/open_signature_a', a, lines, ofA);
  if (ofB != null) await report.signature('/channel/open_signature_b', b, lines, ofB);

  const { closing } = channel;
  const wasOpened = channel.status !== 'proposed' && closing?.reason !== 'withdrawn' && closing?.reason !== 'expired';
  const hasOne = ofA != null || ofB != null;
  if (wasOpened) {
    const isWhole = hasOne || proposer != null ? ofA != null && ofB != null : true;
    report.expect(isWhole, `/channel/open_signature_${ofA == null ? 'a' : 'b'}`, 'is missing, though it was opened');
    return;
  }
  const isProposer = (proposer === a && ofA != null) || (proposer === b && ofB != null);
  report.expect(isProposer, '/channel/proposed_by', 'has not signed what it proposed');
  report.expect(!(ofA != null && ofB != null), '/channel/status', 'is not open, though both have signed the terms');
}
