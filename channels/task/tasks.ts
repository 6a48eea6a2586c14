import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type Applied } from '../kernel/aggregate.ts';
import { newId } from '../kernel/ids.ts';
import { refuse } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { Notifications } from '../messages/notifications.ts';
import { Checksums } from './checksums.ts';
import { Chunks } from './chunks.ts';
import { FIRST_PAGES, SHOWN, taskType, WHOLE } from './codec.ts';
import type { CompleteStream, StoreChunk, TaskCommand, TaskEvent, TaskFields } from './commands.ts';
import { isCompletedAs } from './decide.ts';
import { type Duty, dutiesDue } from './duties.ts';
import type { Links } from './links.ts';
import { isEnded, streamOf, type Task, type TaskState } from './state.ts';
import { startOf, takesMorePages } from './stream.ts';

/** Effects outside of a task. All are repeated if a node died in between. */
export interface TaskEffects {
  /** Tells the participants of a new task, and takes that back when it has ended. */
  readonly notifications: Notifications;
  /** Counts an outcome for the provider; the same task again changes nothing until it is forgotten. */
  countTask(agentId: string, taskId: string, outcome: 'completed' | 'failed'): Promise<void>;
  forgetTask(agentId: string, taskId: string): Promise<void>;
  /** Told once of each end, when it is durable. */
  readonly ended?: (taskId: string) => void;
}

/** `started`: the task, where this has started it. */
export type Stored =
  | { readonly ok: true; readonly ordinal: number; readonly duplicate: boolean; readonly started?: Task | undefined }
  | Refusal;
export type Created = { readonly ok: true; readonly state: TaskState; readonly repeated: boolean } | Refusal;

type Effective = Exclude<TaskCommand, StoreChunk | CompleteStream>;

/** The tasks, in the store. */
export class Tasks {
  readonly chunks: Chunks;
  readonly #aggregates: Aggregates<TaskState, TaskCommand, TaskEvent>;
  readonly #checksums: Checksums;
  readonly #store: Store;
  readonly #effects: TaskEffects;

  constructor(store: Store, effects: TaskEffects) {
    this.#aggregates = new Aggregates(store, taskType);
    this.chunks = new Chunks(store);
    this.#checksums = new Checksums(this.chunks);
    this.#store = store;
    this.#effects = effects;
  }

  /** With as much of its streams as shows where they end. */
  async read(id: string): Promise<TaskState | undefined> {
    const state = await this.#aggregates.read(id, FIRST_PAGES);
    const isEnough = !state || [state.input, state.output].every((stream) => !stream || !takesMorePages(stream));
    return isEnough ? state : this.#aggregates.read(id, WHOLE);
  }

  /** Without its streams. */
  readShown(id: string): Promise<TaskState | undefined> {
    return this.#aggregates.read(id, SHOWN);
  }

  /** Many without their streams, in the order of `ids`. */
  readManyShown(ids: readonly string[]): Promise<(TaskState | undefined)[]> {
    return this.#aggregates.readMany(ids, SHOWN);
  }

  /**
   * Resolves when the notices of those whom it concerns are in their inboxes too; `inbox_full` if one has no room.
   *
   * @param by who asks: `admin`, `agent:a-1`. The same request of the same one finds what it made before
   * @param links what the task belongs to: it is taken first, and given up where another task has the id
   */
  async create(
    by: string,
    id: string | undefined,
    fields: Omit<TaskFields, 'id'>,
    links?: Pick<Links, 'take' | 'giveUp'>,
  ): Promise<Created> {
    const request = requestDigest(by, fields);
    const taskId = id ?? newId();
    const { clientAgentId, providerAgentId, creatorAgentId } = fields;
    const others = [clientAgentId, providerAgentId].filter((agentId) => agentId !== creatorAgentId);
    const notice = { type: 'aerie.task', thingId: taskId, by, request } as const;
    const applied = await this.#effects.notifications.announce(notice, others, async (notices) => {
      const refused = await links?.take(taskId, fields.negotiationId);
      if (refused) return { result: refused, kept: [] };
      const command = { type: 'create', fields: { ...fields, id: taskId }, request, notices } as const;
      const result = await this.#aggregates.apply(taskId, command);
      if (!result.ok) await links?.giveUp(taskId, fields.negotiationId);
      return { result, kept: (result.ok && result.state.contents?.notices) || [] };
    });
    if (!applied.ok) return applied;
    return { ok: true, state: applied.state, repeated: applied.events.length === 0 };
  }

  /** The repeat of a call that made something: `conflict` for another call, undefined if nothing is there. */
  async madeBefore(by: string, id: string, fields: Omit<TaskFields, 'id'>): Promise<Created | undefined> {
    const exists = await this.readShown(id);
    if (!exists) return undefined;
    const isRepeat = exists.task.request === requestDigest(by, fields);
    return isRepeat ? { ok: true, state: exists, repeated: true } : refuse('conflict');
  }

  /** Resolves when the chunk is durable. */
  async storeChunk(id: string, command: Omit<StoreChunk, 'type'>): Promise<Stored> {
    const applied = await this.#aggregates.apply(id, { type: 'store_chunk', ...command });
    if (!applied.ok) return applied;
    for (const event of applied.events) {
      if (event.type !== 'chunk_stored') continue;
      return { ok: true, ordinal: event.ordinal, duplicate: false, started: startedBy(applied) };
    }
    const { stream, seq, chunk } = command;
    const stored = await this.chunks.at(id, stream, seq);
    if (stored?.chunk === chunk) return { ok: true, ordinal: stored.ordinal, duplicate: true };
    const { task } = applied.state;
    return isEnded(task) ? refuse('task_closed', { status: task.status }) : refuse('seq_conflict');
  }

  /** Chunks that come while the stored ones are summed up make it look again. */
  async completeStream(id: string, command: Omit<CompleteStream, 'type' | 'found'>): Promise<Stored> {
    let found: CompleteStream['found'];
    for (;;) {
      const applied = await this.#aggregates.apply(id, { type: 'complete_stream', ...command, found });
      if (!applied.ok) return applied;
      const stream = streamOf(applied.state, command.stream);
      const { count } = stream;
      if (isCompletedAs(stream, command)) {
        return { ok: true, ordinal: count, duplicate: applied.events.length === 0, started: startedBy(applied) };
      }
      const wanted = { taskId: id, stream: command.stream, start: startOf(stream), count };
      found = { count, checksum: await this.#checksums.sum(wanted) };
    }
  }

  async apply(id: string, command: Effective): Promise<Applied<TaskState, TaskEvent>> {
    const applied = await this.#aggregates.apply(id, command);
    if (command.type === 'end' && applied.ok && applied.events.length > 0) this.#effects.ended?.(id);
    return applied;
  }

  /** Does what follows from a task's end. What fails is done by the task's deadline. */
  async settleEnd(state: TaskState): Promise<void> {
    const { countMs, noticesMs = null } = state.task.duties;
    if (countMs !== null || noticesMs !== null) await this.#perform('conclude', state);
  }

  /** The deadline of a task has passed: does what is due. */
  async wake(id: string): Promise<void> {
    const state = await this.readShown(id);
    if (!state) return;
    for (const duty of dutiesDue(state.task, await this.#store.nowMs())) await this.#perform(duty, state);
  }

  /** Each may be repeated; the task records it afterwards. */
  async #perform(duty: Duty, { task, contents }: TaskState): Promise<void> {
    const { id, providerAgentId, status, duties } = task;
    switch (duty) {
      case 'conclude': {
        const counts = duties.countMs !== null && (status === 'completed' || status === 'failed');
        await Promise.all([
          counts && this.#effects.countTask(providerAgentId, id, status),
          this.#effects.notifications.acknowledge(contents?.notices ?? []),
        ]);
        return this.#settled(id, 'settle_end');
      }
      case 'forget':
        await this.#effects.forgetTask(providerAgentId, id);
        return this.#settled(id, 'settle_forgetting');
      case 'drop':
        return this.#settled(id, 'drop_streams');
    }
  }

  async #settled(id: string, type: 'settle_end' | 'settle_forgetting' | 'drop_streams'): Promise<void> {
    await this.#aggregates.apply(id, { type });
  }
}

/** The task, where a command has started it. */
export function startedBy({ events, state }: { events: readonly TaskEvent[]; state: TaskState }): Task | undefined {
  return events.some(({ type }) => type === 'started') ? state.task : undefined;
}
