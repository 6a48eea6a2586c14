import { readFileSync } from 'node:fs';
import { type Purpose, signedFields, signedLines, signedText } from '../../crypto/signed_text.ts';

const offer = {
  session_id: 'neg-1',
  client_agent_id: 'agent-1',
  provider_agent_id: 'agent-7',
  capability: 'chat',
  agent_id: 'agent-7',
  amount: '0.05',
};

describe('a signed text', () => {
  it('is the one that PROTOCOL.md gives as an example', () => {
    const text = signedText('local', signedLines('negotiation.offer', offer));
    expect(text).toBe('aerie.v1:local\nnegotiation.offer\nneg-1\nagent-1\nagent-7\nchat\nagent-7\n0.05');
    expect(readFileSync('docs/PROTOCOL.md', 'utf8')).toContain(JSON.stringify(text));
  });

  it('has the purposes and fields of PROTOCOL.md, in their order', () => {
    const rows = readFileSync('docs/PROTOCOL.md', 'utf8').matchAll(
      /^\| `((?:negotiation|payment)\.\w+)` \| (.*) \|$/gm,
    );
    const table = Object.fromEntries(
      [...rows].map(([, purpose, fields]) => [purpose, fields?.replace(/ \(.*?\)/g, '').split(', ')]),
    );
    expect(table).toEqual(signedFields);
  });

  it('has an empty line for an absent capability', () => {
    expect(signedLines('negotiation.offer', { ...offer, capability: null }).split('\n')).toEqual([
      ...['negotiation.offer', 'neg-1', 'agent-1', 'agent-7', '', 'agent-7', '0.05'],
    ]);
  });

  it('cannot be made of what would let two messages share their bytes', () => {
    const close = { channel_id: 'c', nonce: 1, final_balance_a: '1', final_balance_b: '0' };
    expect(() => signedLines('negotiation.offer', { ...offer, capability: 'chat\nagent-7' })).toThrow(RangeError);
    expect(() => signedLines('payment.close', { ...close, nonce: 2 ** 53 })).toThrow(RangeError);
    expect(() => signedLines('payment.close', { ...close, nonce: 0.5 })).toThrow(RangeError);
    expect(() => signedLines('payment.close', { channel_id: 'c' } as never)).toThrow(RangeError);
    expect(() => signedText('a\nb', 'payment.close')).toThrow(RangeError);
  });

  it('differs between any two purposes, also with the same values', () => {
    const purposes = Object.keys(signedFields) as Purpose[];
    const values = Object.fromEntries(Object.values(signedFields).flatMap((names) => names.map((name) => [name, 'x'])));
    expect(new Set(purposes.map((purpose) => signedLines(purpose, values as never))).size).toBe(purposes.length);
  });
});
