import fc from 'fast-check';
import { requestDigest, sortedJson } from '../../../channels/kernel/request_digest.ts';

describe('a repeated request', () => {
  const fields = { name: 'a', price: 5n, metadata: { x: 1, y: [1, { b: 1, a: 2 }] } };

  it('is recognised whatever the order of its keys', () => {
    const shuffled = { metadata: { y: [1, { a: 2, b: 1 }], x: 1 }, price: 5n, name: 'a' };
    expect(requestDigest('admin', shuffled)).toBe(requestDigest('admin', fields));
  });

  it('is another one from somebody else, or with any other field', () => {
    const digest = requestDigest('admin', fields);
    expect(requestDigest('user:u-1', fields)).not.toBe(digest);
    for (const changed of [{ name: 'b' }, { price: 6n }, { metadata: {} }, { more: null }]) {
      expect(requestDigest('admin', { ...fields, ...changed })).not.toBe(digest);
    }
    expect(requestDigest('admin', { ...fields, metadata: { ...fields.metadata, y: [{ a: 2, b: 1 }, 1] } })).not.toBe(
      digest,
    );
  });

  it('does not mind a field that is absent', () => {
    expect(requestDigest('admin', { ...fields, description: undefined })).toBe(requestDigest('admin', fields));
  });

  it('is written as JSON that reads back as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(sortedJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    const proto = JSON.parse('{"__proto__": {"a": 1}, "b": 2}');
    expect(sortedJson(proto)).toBe('{"__proto__":{"a":1},"b":2}');
  });
});
