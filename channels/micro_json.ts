/** JSON text of a state whose amounts are bigints: members whose names end with `Micro`. */
export const microJson = (value: object) =>
  JSON.stringify(value, (_name, member) => (typeof member === 'bigint' ? String(member) : member));

/** Reads what `microJson` wrote. No name in it may be a client's. */
export const parseMicroJson = <T>(text: string): T =>
  JSON.parse(text, (name, member) =>
    name.endsWith('Micro') && typeof member === 'string' ? BigInt(member) : member,
  ) as T;
