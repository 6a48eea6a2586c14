import type { IndexEntry, IndexHit } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import type { Task, TaskStatus } from './state.ts';
import type { Role } from './stream.ts';

/** All tasks, for the admin. */
export const TASKS_INDEX = 'tasks';
/** Tasks in progress, by their provider. Those that an earlier version started are not in it. */
export const RUNNING_TASKS_INDEX = 'tasks:running';
export const agentTasksIndex = (agentId: string) => `tasks:agent:${agentId}`;
export const appTasksIndex = (appId: string) => `tasks:app:${appId}`;

/** Status and role stand in the key, so that a listing reads no task that it leaves out. */
const keyOf = ({ insertedAtMs, id, status }: Task, role: Role | undefined) =>
  `${placeKey(insertedAtMs)}:${id}:${status}:${role ?? ''}`;

/** Index places of a task; the first one changes with every other. */
export function placesOf(task: Task): IndexEntry[] {
  const { clientAgentId, providerAgentId, appId, status } = task;
  return [
    { index: TASKS_INDEX, key: keyOf(task, undefined) },
    { index: agentTasksIndex(clientAgentId), key: keyOf(task, 'client') },
    { index: agentTasksIndex(providerAgentId), key: keyOf(task, 'provider') },
    ...(status === 'in_progress' ? [{ index: RUNNING_TASKS_INDEX, key: providerAgentId }] : []),
    ...(appId === null ? [] : [{ index: appTasksIndex(appId), key: keyOf(task, undefined) }]),
  ];
}

export interface Listing {
  readonly role: Role | undefined;
  readonly status: TaskStatus | undefined;
}

/** Tells if a place may belong to a task with this role and status. */
export function fits({ role, status }: Listing, { key }: IndexHit): boolean {
  const [, , itsStatus, itsRole] = key.split(':');
  return (status === undefined || status === itsStatus) && (role === undefined || role === itsRole);
}
