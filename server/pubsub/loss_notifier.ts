import type { Link } from './link.ts';

/**
 * Broadcasts of this node that may not have reached the others, which do not know of it. They are told when the link that
 * lost them carries broadcasts again: earlier, they would read too early and be told again with every further loss.
 */
export class LossNotifier {
  readonly #linkOfWord: () => Link | undefined;
  readonly #latest = new Map<Link, number>();
  #isOwedByAll = false;

  /** @param linkOfWord the link by which the others are told */
  constructor(linkOfWord: () => Link | undefined) {
    this.#linkOfWord = linkOfWord;
  }

  /** @param link what should have carried it; undefined: none could, until links are replaced */
  lost(link: Link | undefined): void {
    // One that is closed will carry nothing again.
    const owing = link?.isClosed ? this.#linkOfWord() : link;
    if (owing) this.#latest.set(owing, performance.now());
    else this.#isOwedByAll = true;
  }

  /** @param mayHaveLost whether broadcasts may have gone the wrong way until now */
  replaced(mayHaveLost: boolean): void {
    const isOwed = mayHaveLost || this.#isOwedByAll || this.#latest.size > 0;
    this.#isOwedByAll = false;
    this.#latest.clear();
    if (isOwed) this.lost(this.#linkOfWord());
  }

  /** @returns whether the others are to be told now, for all ways that carry broadcasts again */
  take(): boolean {
    const restored = [...this.#latest].filter(([link, lostAt]) => link.answeredAt > lostAt);
    for (const [link] of restored) this.#latest.delete(link);
    return restored.length > 0;
  }
}
