import type { IndexEntry, IndexHit, IndexQuery } from '../../server/store/port.ts';
import type { Role } from './stream.ts';
import type { Task, TaskStatus } from './task.ts';

/** All tasks, for the admin. */
export const TASKS_INDEX = 'tasks';
export const agentTasksIndex = (agentId: string) => `tasks:agent:${agentId}`;
export const appTasksIndex = (appId: string) => `tasks:app:${appId}`;

/** So that later ones sort first; good until the year 2286. */
const END_OF_TIME_MS = 9_999_999_999_999;
const DIGITS = 13;

/** Newest first, then by id. */
const placeText = ({ insertedAtMs, id }: Pick<Task, 'insertedAtMs' | 'id'>) =>
  `${String(END_OF_TIME_MS - insertedAtMs).padStart(DIGITS, '0')}:${id}`;

/** Status and role stand in the key, so that a listing reads no task that it leaves out. */
const keyOf = (task: Task, role: Role | undefined) => `${placeText(task)}:${task.status}:${role ?? ''}`;

/** Where a task can be found; the first place changes with every other. */
export function placesOf(task: Task): IndexEntry[] {
  const { clientAgentId, providerAgentId, appId } = task;
  return [
    { index: TASKS_INDEX, key: keyOf(task, undefined) },
    { index: agentTasksIndex(clientAgentId), key: keyOf(task, 'client') },
    { index: agentTasksIndex(providerAgentId), key: keyOf(task, 'provider') },
    ...(appId === null ? [] : [{ index: appTasksIndex(appId), key: keyOf(task, undefined) }]),
  ];
}

export interface Listing {
  readonly index: string;
  readonly role: Role | undefined;
  readonly status: TaskStatus | undefined;
  readonly limit: number;
  readonly after: IndexHit | undefined;
}

export interface Listed {
  readonly ids: readonly string[];
  /** Where the next page begins; undefined if this is the last. */
  readonly next: IndexHit | undefined;
}

const PAGE = 500;
/** A call looks at so many places at most; a rare status among very many may so make a page short. */
const MAX_LOOKED_AT = 5_000;

/** The ids of a page. */
export async function listTasks(
  { index, role, status, limit, after }: Listing,
  lookup: (index: string, query: IndexQuery) => Promise<IndexHit[]>,
): Promise<Listed> {
  const ids: string[] = [];
  let last = after;
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += PAGE) {
    const hits = await lookup(index, { limit: PAGE, ...(last && { after: last }) });
    for (const [at, { key, id }] of hits.entries()) {
      const [, , itsStatus, itsRole] = key.split(':');
      last = behind(key, id);
      if ((status && status !== itsStatus) || (role && role !== itsRole) || ids.includes(id)) continue;
      ids.push(id);
      const isLast = at === hits.length - 1 && hits.length < PAGE;
      if (ids.length === limit) return { ids, next: isLast ? undefined : last };
    }
    if (hits.length < PAGE) return { ids, next: undefined };
  }
  return { ids, next: last };
}

/** Behind a task whatever its status is by then. */
const behind = (key: string, id: string): IndexHit => ({ key: `${key.split(':', 2).join(':')}:\u007f`, id });

export const cursorOf = ({ key, id }: IndexHit) => Buffer.from(JSON.stringify([key, id])).toString('base64url');

/** @returns undefined for what `cursorOf` has not made */
export function readCursor(cursor: string): IndexHit | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 2) return undefined;
    const [key, id] = parts as unknown[];
    if (typeof key !== 'string' || typeof id !== 'string') return undefined;
    return /^\d{13}:[A-Za-z0-9._-]{1,128}:\u007f$/.test(key) && key.includes(`:${id}:`) ? { key, id } : undefined;
  } catch {
    return undefined;
  }
}
