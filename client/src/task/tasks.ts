import type { Abortable } from '../abort.ts';
import { canonical } from '../amounts.ts';
import type { Connection } from '../connection.ts';
import { AerieError } from '../error.ts';
import { newId } from '../ids.ts';
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

/** The tasks of an agent: made, found, listed. A task is joined once, whoever asks for it. */
export class Tasks {
  readonly #connection: Connection;
  readonly #open: Opened<TaskState, AnyTask>;

  constructor(connection: Connection) {
    this.#connection = connection;
    const window = new ChunkWindow(connection.closed);
    this.#open = new Opened(connection.http, '/api/tasks', 'task', (state) => Task.open(connection, window, state));
  }

  async create({ provider, negotiation, channel, signal, ...fields }: NewTask): Promise<Task<'client'>> {
    const { http } = this.#connection;
    const links = { negotiation_id: negotiation, payment_channel_id: channel };
    const price = fields.price && canonical(fields.price);
    const body = { id: newId(), ...fields, price, ...links, provider_agent_id: provider };
    const { task } = await http.call<{ task: TaskState }>('POST', '/api/tasks', { body, signal });
    for (const [field, id] of Object.entries(links)) {
      const linked = task[field as keyof typeof links];
      if (id && linked !== id) throw new AerieError('unsupported', { details: { field } });
    }
    return (await this.#open.take(task, undefined)) as Task<'client'>;
  }

  find(id: string, options?: Abortable): Promise<AnyTask> {
    return this.#open.find(id, options, undefined);
  }

  /** Newest first, without joining them. */
  list({ role, status, signal }: TaskQuery = {}): AsyncGenerator<TaskState> {
    const query = new URLSearchParams({ limit: '100', ...(role && { role }), ...(status && { status }) });
    return this.#connection.http.items(`/api/tasks?${query}`, 'tasks', { signal });
  }

  /** Leaves a task that this agent has done with. */
  async forget(id: string): Promise<void> {
    const task = await this.#open.forget(id)?.catch(() => undefined);
    await task?.leave();
  }
}
