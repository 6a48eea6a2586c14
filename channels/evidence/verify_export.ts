import { payloadCheck } from '../../server/index.ts';
import { verifyNegotiation } from './negotiation.ts';
import { verifyPayment } from './payment.ts';
import { type Context, type Fault, Report } from './report.ts';
import { NegotiationExport, PaymentExport } from './schema.ts';

export interface Verified {
  /** Name of the thing verified: `negotiation neg-1`. */
  readonly subject: string;
  readonly signatures: number;
  readonly faults: readonly Fault[];
}

const checkNegotiation = payloadCheck(NegotiationExport);
const checkPayment = payloadCheck(PaymentExport);

/**
 * Checks an exported negotiation or payment channel (docs/signatures.md) against the signatures in it, without a server.
 *
 * @param given what the caller knows better than the file: the network, and keys of agents
 */
export async function verifyExport(file: unknown, given: Partial<Context> = {}): Promise<Verified> {
  const isNegotiation = typeof file === 'object' && file !== null && 'session' in file;
  const checked = isNegotiation ? checkNegotiation(file) : checkPayment(file);
  if (!checked.ok) {
    const faults = (checked.details ?? []) as readonly Fault[];
    return { subject: 'no export of a negotiation or a payment channel', signatures: 0, faults };
  }
  const read = checked.payload as NegotiationExport | PaymentExport;
  const report = new Report({
    networkId: given.networkId ?? read.network_id ?? 'local',
    publicKeys: new Map([...Object.entries(read.public_keys ?? {}), ...(given.publicKeys ?? [])]),
  });
  if ('session' in read) await verifyNegotiation(read, report);
  else await verifyPayment(read, report);
  const subject = 'session' in read ? `negotiation ${read.session.id}` : `payment channel ${read.channel.id}`;
  return { subject, signatures: report.signatures, faults: report.faults };
}
