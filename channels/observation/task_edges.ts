import type { SeenTask } from './deeds.ts';

/** An edge is shown as long after the last that happened. */
const EDGE_MS = 10 * 60_000;

export interface TaskPair {
  readonly from: string;
  readonly to: string;
  readonly lastActivityMs: number;
}

/** The agents that work for each other by the tasks of one app: pairs that had something to do with each other in the last ten minutes. */
export class TaskEdges {
  readonly #pairs = new Map<string, TaskPair>();
  /** Tasks that have not ended. */
  readonly #open = new Map<string, Pick<TaskPair, 'from' | 'to'>>();

  /** Notes a task as it is now. @returns its pair, if it was none before */
  add(
    { id, client, provider, insertedAtMs, startedAtMs, finishedAtMs }: SeenTask,
    nowMs: number,
  ): TaskPair | undefined {
    if (client === provider) return undefined;
    const [from, to] = client < provider ? [client, provider] : [provider, client];
    if (finishedAtMs === null) this.#open.set(id, { from, to });
    else this.#open.delete(id);
    const lastActivityMs = Math.max(insertedAtMs, startedAtMs ?? 0, finishedAtMs ?? 0);
    return nowMs - lastActivityMs < EDGE_MS ? this.#note(from, to, lastActivityMs) : undefined;
  }

  /** Something has happened in a task. @returns its pair, if it was none before */
  touch(taskId: string, atMs: number): TaskPair | undefined {
    const task = this.#open.get(taskId);
    return task && this.#note(task.from, task.to, atMs);
  }

  /** Takes out those that are too old, and says which. */
  sweep(nowMs: number): { readonly from: string; readonly to: string }[] {
    const removed: { from: string; to: string }[] = [];
    for (const [key, { from, to, lastActivityMs }] of this.#pairs) {
      if (nowMs - lastActivityMs < EDGE_MS) continue;
      this.#pairs.delete(key);
      removed.push({ from, to });
    }
    return removed;
  }

  pairs(): Iterable<TaskPair> {
    return this.#pairs.values();
  }

  #note(from: string, to: string, atMs: number): TaskPair | undefined {
    const before = this.#pairs.get(keyOf(from, to));
    const pair = { from, to, lastActivityMs: Math.max(before?.lastActivityMs ?? 0, atMs) };
    this.#pairs.set(keyOf(from, to), pair);
    return before ? undefined : pair;
  }
}

const keyOf = (from: string, to: string) => `${from} ${to}`;
