import Type from 'typebox';
import { Id, isId, newId } from '../../../channels/kernel/ids.ts';
import { payloadCheck } from '../../../server/payload.ts';

const check = payloadCheck(Type.Object({ id: Id }));
const takes = (id: unknown) => check({ id }).ok;

describe('an id', () => {
  it.each(['a', '0', 'agent-7', 'A.b_c-9', 'a'.repeat(128), 'prototype', 'constructor2', 'toString.', 'a..b'])(
    'may be %s',
    (id) => {
      expect(takes(id)).toBe(true);
      expect(isId(id)).toBe(true);
    },
  );

  it.each(['', '-a', '.a', '_a', '__proto__', 'a'.repeat(129), 'a b', 'a\n', 'a/b', 'ä', 'a\u0000', 'a:b', '{a}'])(
    'is not %p',
    (id) => {
      expect(takes(id)).toBe(false);
      expect(isId(id)).toBe(false);
    },
  );

  it('is no name that every JavaScript object has', () => {
    const inherited = Object.getOwnPropertyNames(Object.prototype);
    expect(inherited).toContain('toString');
    for (const id of inherited) {
      expect(takes(id)).toBe(false);
      expect(isId(id)).toBe(false);
    }
  });

  it('is text', () => {
    for (const id of [7, true, ['a'], { id: 'a' }]) expect(takes(id)).toBe(false);
  });

  it('made here is a UUID of version 7, and sorts by when it was made', async () => {
    const first = newId();
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(isId(first)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect(newId() > first).toBe(true);
  });
});
