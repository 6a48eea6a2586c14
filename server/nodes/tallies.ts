/** This node's parts of the tallies. A part of 0 takes no room. */
export interface Tallies {
  /** @returns the part after adding */
  add(name: string, by: number): number;
  get(name: string): number;
  /** Names of the parts that are not 0. */
  names(): Iterable<string>;
}

export function createTallies(): Tallies {
  const parts = new Map<string, number>();
  const get = (name: string) => parts.get(name) ?? 0;
  return {
    add(name, by) {
      const part = get(name) + by;
      if (part === 0) parts.delete(name);
      else parts.set(name, part);
      return part;
    },
    get,
    names: () => parts.keys(),
  };
}
