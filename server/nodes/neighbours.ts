import type { NodeInfo } from './port.ts';

/** The other nodes as this one knows them, and what has changed since it looked last. */
export class Neighbours {
  readonly #known = new Map<string, NodeInfo>();

  /**
   * @param seen those whose lease stands now
   * @param patient after Redis itself was away: a node that is missing may not have had the time to come back. It stays
   *                until the next look, unless it is here again under another incarnation.
   */
  look(seen: readonly NodeInfo[], patient: boolean) {
    const joined = seen.filter(({ incarnation }) => !this.#known.has(incarnation));
    const standing = new Set(seen.map(({ incarnation }) => incarnation));
    const back = new Set(joined.map(({ id }) => id));
    const left = [...this.#known.values()].filter(
      ({ incarnation, id }) => !standing.has(incarnation) && (!patient || back.has(id)),
    );
    for (const { incarnation } of left) this.#known.delete(incarnation);
    for (const node of seen) this.#known.set(node.incarnation, node);
    return { joined, left };
  }

  has = (incarnation: string) => this.#known.has(incarnation);
  all = (): readonly NodeInfo[] => [...this.#known.values()];
}
