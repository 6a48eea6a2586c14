import type { Duties, Task } from './task.ts';

export type Duty = 'notify' | 'count' | 'forget' | 'drop';

const DUTIES: readonly (readonly [Duty, keyof Duties])[] = [
  ['notify', 'notifyMs'],
  ['count', 'countMs'],
  ['forget', 'forgetMs'],
  ['drop', 'dropMs'],
];

/** When a task's deadline is; null: it has nothing left to do. */
export function deadlineOf({ duties }: Pick<Task, 'duties'>): number | null {
  const due = DUTIES.map(([, key]) => duties[key]).filter((ms) => ms !== null);
  return due.length === 0 ? null : Math.min(...due);
}

/** What is due, in the order in which it is to be done. */
export function dutiesDue({ duties }: Pick<Task, 'duties'>, nowMs: number): Duty[] {
  return DUTIES.filter(([, key]) => duties[key] !== null && (duties[key] ?? 0) <= nowMs).map(([duty]) => duty);
}
