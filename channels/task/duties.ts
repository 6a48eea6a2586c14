import type { Duties, Task } from './state.ts';

export type Duty = 'conclude' | 'forget' | 'drop';

const DUTIES: readonly (readonly [Duty, keyof Duties])[] = [
  ['conclude', 'countMs'],
  ['conclude', 'noticesMs'],
  ['forget', 'forgetMs'],
  ['drop', 'dropMs'],
];

/** Time of a task's next duty; null: it has nothing left to do. */
export function deadlineOf({ duties }: Pick<Task, 'duties'>): number | null {
  const due = DUTIES.map(([, key]) => duties[key] ?? null).filter((ms) => ms !== null);
  return due.length === 0 ? null : Math.min(...due);
}

/** Duties that are due, in the order in which to carry them out. */
export function dutiesDue({ duties }: Pick<Task, 'duties'>, nowMs: number): Duty[] {
  const due = DUTIES.filter(([, key]) => (duties[key] ?? Number.POSITIVE_INFINITY) <= nowMs);
  return [...new Set(due.map(([duty]) => duty))];
}
