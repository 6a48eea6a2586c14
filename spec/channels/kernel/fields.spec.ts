import Type from 'typebox';
import { CapabilityName, jsonBytes, Metadata, sizeRefusal } from '../../../channels/kernel/fields.ts';
import { payloadCheck } from '../../../server/payload.ts';

const check = payloadCheck(Type.Object({ name: Type.Optional(CapabilityName), metadata: Type.Optional(Metadata) }));
const takes = (payload: object) => check(payload).ok;

describe('a capability name', () => {
  it('has 1 to 64 characters, whatever they are', () => {
    for (const name of ['a', 'a'.repeat(64), '🦅'.repeat(64), '__proto__', ' ', '"', 'a\tb', 'toString']) {
      expect(takes({ name })).toBe(true);
    }
    for (const name of ['', 'a'.repeat(65), '🦅'.repeat(65), '\ud800']) expect(takes({ name })).toBe(false);
  });

  it('breaks no line', () => {
    for (const name of ['\n', 'a\n', '\na', 'a\nb', 'a\r']) expect(takes({ name })).toBe(false);
  });
});

describe('metadata', () => {
  it('is an object with any keys and JSON values', () => {
    const keys = JSON.parse('{"__proto__": {"a": null}, "constructor": 1, "prototype": [], "a\\nb": "c"}');
    for (const metadata of [{}, { a: { b: [1, null, 'x'] } }, keys]) expect(takes({ metadata })).toBe(true);
    for (const metadata of [[], 'x', 7, true]) expect(takes({ metadata })).toBe(false);
  });

  it('keeps a null inside, which says something there', () => {
    expect(check({ metadata: { a: null } })).toEqual({ ok: true, payload: { metadata: { a: null } } });
  });
});

describe('a size', () => {
  it('counts the UTF-8 bytes of compact JSON', () => {
    expect(jsonBytes({ a: 'ä🦅' })).toBe('{"a":""}'.length + 2 + 4);
    const fits = { a: 'x'.repeat(1_024 - '{"a":""}'.length) };
    expect(sizeRefusal('/a', fits, 1)).toBeUndefined();
    const message = 'a must not be larger than 1 KiB';
    expect(sizeRefusal('/a', { a: `${fits.a}x` }, 1)).toMatchObject({
      reason: 'payload_too_large',
      details: [{ path: '/a', message }],
    });
    expect(sizeRefusal('/a', { a: fits.a.replace('xx', 'xä') }, 1)).toBeDefined();
  });

  it('is no matter of what is absent', () => {
    expect(sizeRefusal('/a', undefined, 1)).toBeUndefined();
  });
});
