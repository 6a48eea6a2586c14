import { anySignal } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { type AerieError, ignore, isReason } from '../error.ts';
import { watchList } from '../watch_list.ts';
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

/**
 * Does the tasks of a capability, also those that waited from before and those that a process before this one has begun. One process of
 * an agent serves a capability at a time: others with the same keep wait until it has ended.
 *
 * @returns when it was stopped or the agent was closed
 */
export async function serve(
  connection: Connection,
  tasks: Tasks,
  capability: string,
  handler: Handler,
  { concurrency: atOnce = 8, accept = () => true, signal }: ServeOptions,
): Promise<void> {
  const stopped = anySignal(connection.closed, signal);
  const list = {
    paths: ['pending', 'in_progress'].map((status) => `/api/tasks?limit=100&role=provider&status=${status}`),
    ...{ items: 'tasks', notice: 'aerie.task', atOnce },
    isWanted: (task: TaskState) => task.capability === capability,
  };
  const one = async (state: TaskState) => {
    const isTaken = state.status === 'in_progress' || (await accept(state));
    const task = (await tasks.find(state.id)) as Task<'provider'>;
    await (isTaken ? perform(task, handler, stopped) : task.cancel('not accepted'));
  };
  // It may end while it is looked at.
  const ended = ignore('task_closed', 'not_found');
  const done = async (state: TaskState) => {
    try {
      await one(state).catch(ended);
    } finally {
      const task = await tasks.get(state.id)?.catch(() => undefined);
      tasks.delete(state.id);
      await task?.leave();
    }
  };
  await connection.keep.lock(`serve:${connection.id}:${capability}`, () =>
    watchList(connection, list, { signal }, done),
  );
}

async function perform(task: Task<'provider'>, handler: Handler, stopped: AbortSignal): Promise<void> {
  let result: unknown;
  try {
    result = await handler(task);
  } catch (error) {
    // It is done again by the process that comes next.
    if (stopped.aborted || isReason(error, 'closed', 'task_closed')) return;
    const { reason, name, message = String(error) } = Object(error) as Partial<AerieError>;
    return task.fail(`${reason ?? name ?? ''}`.slice(0, 128) || 'Error', { message });
  }
  if (!stopped.aborted) await task.complete(result);
}
