import Type, { type TSchema } from 'typebox';
import { invalidPayload, payloadCheck } from '../../server/payload.ts';

const Choice = Type.Union([Type.Literal('online'), Type.Literal('busy'), Type.Literal('offline')]);
const Price = Type.Union(
  [Type.String({ pattern: '^[0-9]+$' }), Type.Refine(Type.Number(), (value) => Number.isInteger(value))],
  { description: 'an amount that matches [0-9]+' },
);
const orNull = <T extends TSchema>(type: T) => Type.Optional(Type.Union([type, Type.Null()]));
const Item = Type.Union([Type.String({ minLength: 1 }), Type.Object({ name: Type.String(), price: orNull(Price) })]);
const Event = Type.Union([
  Type.Object({ gone: Type.Literal(true), by: Type.String() }),
  Type.Object({ seq: Type.Integer() }),
]);
const Even = Type.Refine(
  Type.Integer(),
  (value) => value % 2 === 0,
  () => 'must be even',
);

/** The faults of a value under the name `it`, each as `path: message`. */
function faults(type: TSchema, value: unknown): string[] {
  const checked = payloadCheck(Type.Object({ it: type }))({ it: value });
  if (checked.ok) return [];
  return (checked.details as { path: string; message: string }[]).map(({ path, message }) => `${path}: ${message}`);
}

describe('a payload that does not fit is told so in one line for each place', () => {
  it.each<[string, TSchema, unknown, string[]]>([
    ['a choice', Choice, 'on', ['/it: it must be one of online, busy, offline']],
    ['a choice of another type', Choice, 7, ['/it: it must be one of online, busy, offline']],
    ['a type with a description', Price, 1.5, ['/it: it must be an amount that matches [0-9]+']],
    ['the same, null allowed', orNull(Price), 'x', ['/it: it must be an amount that matches [0-9]+']],
    ['no branch', Item, 7, ['/it: it must be text of at least 1 character or an object']],
    ['a bound of the branch that is meant', Item, '', ['/it: it must be text of at least 1 character']],
    ['a field of the branch that is meant', Item, { name: 7 }, ['/it/name: it.name must be text']],
    ['the branch that a constant names', Event, { gone: true }, ['/it: it must have by']],
    ['the branch that no constant names', Event, { seq: 1.5 }, ['/it/seq: it.seq must be a whole number']],
    ['false or more', Type.Union([Type.Literal(false), Type.Object({})]), true, ['/it: it must be false or an object']],
    ['a field that is missing', Type.Object({ a: Type.Null(), b: Type.Null() }), {}, ['/it: it must have a, b']],
    ['a whole number', Type.Integer({ minimum: 1, maximum: 9 }), 1.5, ['/it: it must be a whole number from 1 to 9']],
    ['a number', Type.Number({ maximum: 9 }), 10, ['/it: it must be a number of at most 9']],
    [
      'text',
      Type.String({ maxLength: 2, pattern: 'x' }),
      'y',
      ['/it: it must be text of at most 2 characters that matches x'],
    ],
    ['a rule', Even, 3, ['/it: it must be even']],
    ['a type before a rule', Even, '3', ['/it: it must be a whole number']],
    ['a list', Type.Array(Item, { maxItems: 1 }), [7, 7], ['/it: it must be a list of at most 1 item']],
    ['records', Type.Record(Type.String(), Type.Boolean()), { a: 1 }, ['/it/a: it.a must be true or false']],
    [
      'items',
      Type.Array(Item),
      ['x', { name: 'y', price: 1.5 }],
      ['/it/1/price: it[1].price must be an amount that matches [0-9]+'],
    ],
    [
      'a field that nobody knows',
      Type.Object({ a: Type.Optional(Type.Null()) }, { additionalProperties: false }),
      { b: 1, c: 2 },
      ['/it: it must not have b, only a', '/it: it must not have c, only a'],
    ],
    [
      'keys that a pointer has to escape',
      Type.Unknown(),
      { 'a/b~c': '\ud800' },
      ['/it/a~1b~0c: it.a/b~c has an unpaired surrogate'],
    ],
  ])('%s', (_what, type, value, expected) => {
    expect(faults(type, value)).toEqual(expected);
  });

  it('as a whole too', () => {
    const checked = payloadCheck(Type.Object({ a: Type.Null() }))([]);
    expect(checked).toMatchObject({ details: [{ path: '', message: 'the payload must be an object' }] });
  });

  it('with the first fault as its message', () => {
    const [one, other] = [
      { path: '/a', message: 'a must be text' },
      { path: '/b', message: 'b must be text' },
    ] as const;
    expect(invalidPayload([one])).toMatchObject({ reason: 'invalid_payload', message: 'a must be text.' });
    expect(invalidPayload([one, other]).message).toBe('a must be text; details has 1 more.');
  });

  it('at most 20 times, and without writing long names out', () => {
    expect(faults(Type.Array(Item), Array(100_000).fill(7))).toHaveLength(20);
    const closed = Type.Object({}, { additionalProperties: false });
    expect(faults(closed, Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${at}`, 1])))).toHaveLength(
      20,
    );
    expect(faults(closed, { ['x'.repeat(100_000)]: 1 })[0]?.length).toBeLessThan(300);
  });
});

describe('null counts as absent in the fields that a schema names', () => {
  const Named = Type.Object({ kind: Type.Literal('named'), name: Type.Optional(Type.String()) });
  const Priced = Type.Object({ kind: Type.Literal('priced'), price: orNull(Type.Integer()), data: Type.Unknown() });
  const Either = Type.Union([Named, Priced]);
  const payloadOf = (type: TSchema, value: unknown) => {
    const checked = payloadCheck(Type.Object({ it: type }))({ it: value });
    return checked.ok ? (checked.payload as { it: unknown }).it : undefined;
  };

  it.each<[string, TSchema, unknown, unknown]>([
    ['of an object', Named, { kind: 'named', name: null }, { kind: 'named' }],
    ['of the items of a list', Type.Array(Named), [{ kind: 'named', name: null }], [{ kind: 'named' }]],
    ['of the branch that is meant', Either, { kind: 'named', name: null }, { kind: 'named' }],
    [
      'of both, but where an item may have it and where anything may be',
      Type.Array(Either),
      [
        { kind: 'named', name: null },
        { kind: 'priced', price: null, data: { name: null } },
      ],
      [{ kind: 'named' }, { kind: 'priced', price: null, data: { name: null } }],
    ],
    [
      'and not in fields that it does not name',
      Type.Array(Named),
      [{ kind: 'named', x: null }],
      [{ kind: 'named', x: null }],
    ],
  ])('%s', (_what, type, value, expected) => {
    expect(payloadOf(type, value)).toEqual(expected);
  });
});
