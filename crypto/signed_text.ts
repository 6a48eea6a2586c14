/** Purposes of signatures, and the fields that each one covers, in this order (PROTOCOL.md, section 6). */
export const signedFields = {
  'negotiation.offer': ['session_id', 'client_agent_id', 'provider_agent_id', 'capability', 'agent_id', 'amount'],
  'negotiation.accept': [
    'session_id',
    'client_agent_id',
    'provider_agent_id',
    'capability',
    'agent_id',
    'amount',
    'client_offer_amount',
    'provider_offer_amount',
  ],
  'payment.open': ['channel_id', 'agent_a', 'agent_b', 'deposit_a', 'deposit_b', 'challenge_period_ms'],
  'payment.state': ['channel_id', 'nonce', 'from_agent_id', 'to_agent_id', 'amount', 'balance_a', 'balance_b'],
  'payment.close': ['channel_id', 'nonce', 'final_balance_a', 'final_balance_b'],
} as const;

export type Purpose = keyof typeof signedFields;

/** Amounts in their canonical form, integers as numbers; an absent capability is `null`. */
export type SignedFields<P extends Purpose> = Readonly<
  Record<(typeof signedFields)[P][number], string | number | null>
>;

/**
 * The lines of a signed text that follow the first one, which names the network.
 *
 * @throws RangeError if a field holds a newline or a number is no safe integer: two messages could share their bytes
 */
export function signedLines<P extends Purpose>(purpose: P, fields: SignedFields<P>): string {
  const values: Readonly<Record<string, string | number | null>> = fields;
  return [purpose, ...signedFields[purpose].map((name) => line(name, values[name]))].join('\n');
}

/**
 * The text that is signed, as UTF-8.
 *
 * @param lines what `signedLines` gave
 * @example signedText('local', signedLines('payment.close', { channel_id: 'c-1', nonce: 3, … }))
 */
export function signedText(networkId: string, lines: string): string {
  return `aerie.v1:${line('network', networkId)}\n${lines}`;
}

function line(name: string, value: string | number | null | undefined): string {
  if (value === null) return '';
  if (typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && !value.includes('\n')) {
    return String(value);
  }
  throw new RangeError(`Not a line of a signed text: ${name}`);
}
