import Type from 'typebox';
import { v7 } from 'uuid';

/** Names that every JavaScript object has: older `phoenix` clients crash on such presence keys. */
const INHERITED = [
  'constructor',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'toLocaleString',
  'toString',
  'valueOf',
];

const ID = `^(?!(?:${INHERITED.join('|')})$)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`;
const pattern = new RegExp(ID);

/** The id of anything that has one (PROTOCOL.md, section 1). */
export const Id = Type.String({
  pattern: ID,
  description:
    'an id: 1 to 128 of A-Z a-z 0-9 . _ -, the first a letter or digit (constructor, toString and the like are none)',
});

export const isId = (text: string) => pattern.test(text);

/** A UUID of version 7: ids made later sort behind, to the millisecond. */
export const newId = () => v7();
