import type { Abortable } from './abort.ts';
import type { Topic } from './topic.ts';
import type { FoundAgent, PresenceStatus } from './wire.ts';

export interface DiscoverQuery extends Abortable {
  /** Equal, case-sensitive. */
  readonly capability?: string;
  readonly status?: PresenceStatus;
  /** 0 to 5 */
  readonly minReputation?: number;
  /** USDC */
  readonly maxPrice?: string;
  /** Agents a page, 1 to 100; 20 where it is left out. */
  readonly limit?: number;
}

/** What was found: all of it by `for await`, page by page as it is needed; the first page by `await`. */
export interface Found extends AsyncIterable<FoundAgent>, PromiseLike<readonly FoundAgent[]> {}

interface Page {
  readonly agents: readonly FoundAgent[];
  readonly next_cursor?: string;
}

/** Finds agents over `agents:discovery` (PROTOCOL.md, section 5.1). */
export function discover(
  topic: Topic,
  { capability, status, minReputation, maxPrice, limit, signal }: DiscoverQuery = {},
): Found {
  const filters = { status, min_reputation: minReputation, max_price: maxPrice };
  const page = (cursor?: string): Promise<Page> =>
    topic.call('discover', { capability, limit, filters, cursor }, { signal });
  return {
    // A page is asked for where somebody waits for it, and not before.
    // biome-ignore lint/suspicious/noThenProperty: the first page can be awaited
    then: (resolve, reject) =>
      page()
        .then(({ agents }) => agents)
        .then(resolve, reject),
    async *[Symbol.asyncIterator]() {
      let cursor: string | undefined;
      do {
        const found: Page = await page(cursor);
        yield* found.agents;
        cursor = found.next_cursor;
      } while (cursor !== undefined);
    },
  };
}
