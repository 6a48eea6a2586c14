import { anySignal, sleep } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { isReason } from '../error.ts';
import type { Inbox } from '../inbox.ts';
import { report } from '../listeners.ts';
import type { TaskState } from '../wire.ts';
import type { Task } from './task.ts';
import type { Tasks } from './tasks.ts';

/** Does a task. What it returns completes the task, what it throws fails it. */
export type Handler = (task: Task<'provider'>) => unknown;

export interface ServeOptions {
  /** Tasks that are done at the same time; 8 where it is left out. */
  readonly concurrency?: number;
  /** `false` cancels the task. */
  accept?(task: TaskState): boolean | Promise<boolean>;
  /** Stops serving: tasks that are under way are left as they are. */
  readonly signal?: AbortSignal;
}

/** A list is looked at again, in case nothing said that it has changed. */
const LOOK_AGAIN_MS = 30_000;

/**
 * Does the tasks of a capability, also those that waited from before and those that a process before this one has begun. One process of
 * an agent serves a capability at a time: others with the same keep wait until it has ended.
 */
export class Server {
  readonly #connection: Connection;
  readonly #tasks: Tasks;
  readonly #capability: string;
  readonly #handler: Handler;
  readonly #options: ServeOptions;
  readonly #stopped: AbortSignal;
  readonly #running = new Set<string>();
  #news = new AbortController();

  constructor(connection: Connection, tasks: Tasks, capability: string, handler: Handler, options: ServeOptions) {
    this.#connection = connection;
    this.#tasks = tasks;
    this.#capability = capability;
    this.#handler = handler;
    this.#options = options;
    this.#stopped = anySignal(connection.closed, options.signal);
  }

  /** Resolves when it was stopped or the agent was closed. */
  async run(inbox: Inbox): Promise<void> {
    const news = () => this.#news.abort();
    const stops = [inbox.onNotice(({ type }) => type === 'aerie.task' && news()), inbox.onJoin(news)];
    try {
      await this.#connection.keep.lock(`serve:${this.#connection.id}:${this.#capability}`, () => this.#serve());
    } finally {
      for (const stop of stops) stop();
    }
  }

  async #serve(): Promise<void> {
    const { concurrency = 8 } = this.#options;
    while (!this.#stopped.aborted) {
      this.#news = new AbortController();
      try {
        for (const task of await this.#waiting()) {
          if (this.#running.size >= concurrency) break;
          void this.#start(task);
        }
      } catch (error) {
        if (this.#stopped.aborted) return;
        report(error);
      }
      await sleep(LOOK_AGAIN_MS, anySignal(this.#news.signal, this.#stopped)).catch(() => {});
    }
  }

  /** Oldest first. */
  async #waiting(): Promise<TaskState[]> {
    const found: TaskState[] = [];
    for (const status of ['in_progress', 'pending'] as const) {
      for await (const task of this.#tasks.list({ role: 'provider', status, signal: this.#stopped })) {
        if (task.capability === this.#capability && !this.#running.has(task.id)) found.push(task);
      }
    }
    return found.sort((a, b) => (a.inserted_at < b.inserted_at ? -1 : 1));
  }

  async #start(state: TaskState): Promise<void> {
    this.#running.add(state.id);
    try {
      const isTaken = state.status === 'in_progress' || ((await this.#options.accept?.(state)) ?? true);
      const task = (await this.#tasks.find(state.id)) as Task<'provider'>;
      if (isTaken) await this.#do(task);
      else await task.cancel('not accepted');
      this.#news.abort();
    } catch (error) {
      if (this.#stopped.aborted) return;
      // It has ended while it was looked at.
      if (isReason(error, 'task_closed', 'not_found')) return this.#news.abort();
      // Tried again when the list is next looked at, and not at once for ever.
      report(error);
    } finally {
      await this.#tasks.forget(state.id);
      this.#running.delete(state.id);
    }
  }

  async #do(task: Task<'provider'>): Promise<void> {
    let result: unknown;
    try {
      result = await this.#handler(task);
    } catch (error) {
      // It is done again by the process that comes next.
      if (this.#stopped.aborted || isReason(error, 'closed', 'task_closed')) return;
      const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
      await task.fail((isReason(error) ? error.reason : name).slice(0, 128) || 'Error', { message });
      return;
    }
    if (!this.#stopped.aborted) await task.complete(result);
  }
}
