import { type Abortable, anySignal } from './abort.ts';
import type { Connection } from './connection.ts';
import { report } from './listeners.ts';
import { Wake } from './wake.ts';

/** A list is looked at again, in case nothing said that it has changed. */
const LOOK_AGAIN_MS = 30_000;

export interface Watched<Item> {
  /** Each with its query; what the last one has comes first. */
  readonly paths: readonly string[];
  /** Where the answer has them. */
  readonly items: string;
  /** What says that there is another one. */
  readonly notice: string;
  /** Those of which to tell. */
  isWanted(item: Item): boolean;
  /** Most that are told of at the same time; any number where it is left out. */
  readonly atOnce?: number;
}

/**
 * Tells of each thing of a list once, oldest first, also of those that come later: notices say when to look, and the list what there
 * is. What one of them throws is reported, and it is told of again at the next look.
 *
 * @returns when it was stopped or the agent was closed
 */
export async function watchList<Item extends { readonly id: string }>(
  { http, inbox, closed }: Connection,
  { paths, items, notice, isWanted, atOnce = Infinity }: Watched<Item>,
  options: Abortable | undefined,
  tell: (item: Item) => unknown,
): Promise<void> {
  const stopped = anySignal(closed, options?.signal);
  const told = new Set<string>();
  const news = new Wake(stopped);
  let underWay = 0;
  const timer = setInterval(() => news.wake(), LOOK_AGAIN_MS);
  const stop = inbox.onNews(({ type }) => (type === notice || type === 'joined') && news.wake());
  const one = async (item: Item) => {
    told.add(item.id);
    underWay++;
    try {
      await tell(item);
    } catch (error) {
      if (stopped.aborted) return;
      report(error);
      told.delete(item.id);
    } finally {
      if (underWay-- >= atOnce) news.wake();
    }
  };
  try {
    while (!stopped.aborted) {
      const { version } = news;
      try {
        const found: Item[] = [];
        for (const path of paths) {
          for await (const item of http.items<Item>(path, items, { signal: stopped })) found.push(item);
        }
        const present = new Set(found.map(({ id }) => id));
        for (const id of told) if (!present.has(id)) told.delete(id);
        for (const item of found.reverse()) {
          if (underWay < atOnce && isWanted(item) && !told.has(item.id)) void one(item);
        }
      } catch (error) {
        if (!stopped.aborted) report(error);
      }
      await news.since(version).catch(() => {});
    }
  } finally {
    clearInterval(timer);
    stop();
  }
}
