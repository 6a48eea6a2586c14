/** Purposes of signatures, and the fields that each one covers, in this order (PROTOCOL.md, section 6). */
export interface SignedFields {
  'negotiation.offer': [
    sessionId: string,
    client: string,
    provider: string,
    capability: string,
    agent: string,
    amount: string,
  ];
  'negotiation.accept': [
    sessionId: string,
    client: string,
    provider: string,
    capability: string,
    agent: string,
    amount: string,
    clientOffer: string,
    providerOffer: string,
  ];
  'payment.open': [
    channelId: string,
    a: string,
    b: string,
    depositA: string,
    depositB: string,
    challengePeriodMs: number,
  ];
  'payment.state': [
    channelId: string,
    nonce: number,
    from: string,
    to: string,
    amount: string,
    balanceA: string,
    balanceB: string,
  ];
  'payment.close': [channelId: string, nonce: number, finalA: string, finalB: string];
}
export type Purpose = keyof SignedFields;

/**
 * The text that is signed, amounts in their canonical form.
 *
 * @throws RangeError if a field holds a newline or a number is no safe integer: two texts could share their bytes
 */
export function signedText<P extends Purpose>(networkId: string, purpose: P, fields: SignedFields[P]): string {
  for (const field of [networkId, ...fields]) {
    if (typeof field === 'number' ? !Number.isSafeInteger(field) : field.includes('\n')) {
      throw new RangeError(`Cannot be signed: ${JSON.stringify(field)}`);
    }
  }
  return [`aerie.v1:${networkId}`, purpose, ...fields].join('\n');
}
