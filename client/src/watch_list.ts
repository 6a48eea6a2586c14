import { type Abortable, anySignal, sleep } from './abort.ts';
import type { Connection } from './connection.ts';
import type { Inbox } from './inbox.ts';
import { report } from './listeners.ts';

/** A list is looked at again, in case nothing said that it has changed. */
const LOOK_AGAIN_MS = 30_000;

interface Watched {
  /** With its query. */
  readonly path: string;
  /** Where the answer has them. */
  readonly items: string;
  /** What says that there is another one. */
  readonly notice: string;
}

/**
 * Tells of each thing of a list once, oldest first, also of those that come later: notices say when to look, and the list what there
 * is. What one of them throws is reported, and it is told of again at the next look.
 *
 * @returns when it was stopped or the agent was closed
 */
export async function watchList<Item extends { readonly id: string }>(
  { http, closed }: Connection,
  inbox: Inbox,
  { path, items, notice }: Watched,
  { signal }: Abortable,
  tell: (item: Item) => Promise<void>,
): Promise<void> {
  const stopped = anySignal(closed, signal);
  const told = new Set<string>();
  let news = new AbortController();
  const look = () => news.abort();
  const stops = [inbox.onNotice(({ type }) => type === notice && look()), inbox.onJoin(look)];
  const one = async (item: Item) => {
    told.add(item.id);
    try {
      await tell(item);
    } catch (error) {
      if (stopped.aborted) return;
      report(error);
      told.delete(item.id);
    }
  };
  try {
    while (!stopped.aborted) {
      news = new AbortController();
      try {
        const found: Item[] = [];
        for await (const page of http.pages<Item>(path, items, { signal: stopped })) found.push(...page);
        const present = new Set(found.map(({ id }) => id));
        for (const id of told) if (!present.has(id)) told.delete(id);
        for (const item of found.reverse()) if (!told.has(item.id)) void one(item);
      } catch (error) {
        if (!stopped.aborted) report(error);
      }
      await sleep(LOOK_AGAIN_MS, anySignal(news.signal, stopped)).catch(() => {});
    }
  } finally {
    for (const stop of stops) stop();
  }
}
