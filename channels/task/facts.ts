import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { TaskEvent } from './commands.ts';
import type { TaskState } from './state.ts';

export type TaskFact = Fact & { readonly client: string; readonly provider: string } & (
    | { readonly type: 'task_created' | 'task_started' }
    | TaskEnded
  );

export interface TaskEnded {
  readonly type: 'task_completed' | 'task_failed' | 'task_cancelled';
  readonly wasRunning: boolean;
  /** From when it was in progress to its end; absent: it never was, or an earlier version has logged it. */
  readonly runMs?: number;
  /** From its creation to its end. */
  readonly durationMs: number;
  readonly capability: string | null;
  readonly priceMicro: string | null;
}

/** Facts that the figures count of a task. */
export function taskFacts(
  events: readonly TaskEvent[],
  { task }: TaskState,
  { before, nowMs }: FactContext<TaskState>,
): TaskFact[] {
  const about = { atMs: nowMs, client: task.clientAgentId, provider: task.providerAgentId };
  return events.flatMap(({ type }): TaskFact[] => {
    switch (type) {
      case 'created':
        return [{ type: 'task_created', ...about }];
      case 'started':
        // One that ends as it starts was never seen running.
        return task.finishedAtMs === null ? [{ type: 'task_started', ...about }] : [];
      case 'completed':
      case 'failed':
      case 'cancelled': {
        const { capability, priceMicro, insertedAtMs, startedAtMs } = task;
        return [
          {
            type: `task_${type}`,
            ...about,
            wasRunning: before?.task.status === 'in_progress',
            ...(startedAtMs !== null && { runMs: Math.max(0, nowMs - startedAtMs) }),
            durationMs: Math.max(0, nowMs - insertedAtMs),
            capability,
            priceMicro: priceMicro === null ? null : String(priceMicro),
          },
        ];
      }
      default:
        return [];
    }
  });
}
