import type { Abortable } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError } from '../error.ts';
import { once } from '../in_flight.ts';
import { Opened } from '../opened.ts';
import type { Metadata, TaskState, TaskStatus } from '../wire.ts';
import { ChunkWindow } from './chunk_window.ts';
import { type AnyTask, Task, type TaskRole } from './task.ts';

export interface NewTask extends Abortable {
  /** The agent that is to do it. */
  readonly provider: string;
  readonly capability?: string;
  /** USDC */
  readonly price?: string;
  /** Id of the agreed negotiation that it is the work of: capability and price are those agreed. */
  readonly negotiation?: string;
  /** Id of the payment channel from which it is paid. */
  readonly channel?: string;
  readonly metadata?: Metadata;
  /** The same id again is the same task. */
  readonly id?: string;
}

export interface TaskQuery extends Abortable {
  readonly role?: TaskRole;
  readonly status?: TaskStatus;
}

/** The tasks that an agent has joined. */
export type Tasks = Opened<TaskState, AnyTask>;

export function openTasks(connection: Connection): Tasks {
  const window = new ChunkWindow(connection.closed);
  const place = { path: '/api/tasks', field: 'task' };
  return new Opened(connection.http, place, (state) => Task.open(connection, window, state));
}

/** Has another agent do something. */
export async function createTask(
  connection: Connection,
  tasks: Tasks,
  { provider, negotiation, channel, signal, id, price, ...rest }: NewTask,
): Promise<Task<'client'>> {
  const links = { negotiation_id: negotiation, payment_channel_id: channel };
  const fields = { ...rest, price: price && canonical(price), ...links, provider_agent_id: provider };
  const { task } = await once(connection, { id, signal }, { task: fields }, (id) =>
    connection.http.call<{ task: TaskState }>('POST', '/api/tasks', { body: { id, ...fields }, signal }),
  );
  for (const [field, wanted] of Object.entries(links)) {
    const linked = task[field as keyof typeof links];
    if (wanted && linked !== wanted) throw new AerieError('unsupported', { details: { field } });
  }
  return (await tasks.take(task)) as Task<'client'>;
}

/** Newest first, without joining them. */
export function listTasks({ http }: Connection, { role, status, signal }: TaskQuery = {}): AsyncGenerator<TaskState> {
  const query = new URLSearchParams({ limit: '100', ...(role && { role }), ...(status && { status }) });
  return http.items(`/api/tasks?${query}`, 'tasks', { signal });
}
