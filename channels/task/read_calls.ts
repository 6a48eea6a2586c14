import { jsonAnswer } from '../../server/http/problem.ts';
import type { Exchange, Refusal } from '../../server/index.ts';
import type { IndexHit } from '../../server/store/port.ts';
import { isId } from '../ids.ts';
import type { Principal } from '../principals/authenticate.ts';
import { type Handle, readable } from '../principals/permissions.ts';
import { refuse, refuseField } from '../reasons.ts';
import { agentTasksIndex, appTasksIndex, cursorOf, type Listing, readCursor, TASKS_INDEX } from './listing.ts';
import type { Role } from './stream.ts';
import { roleOf, TASK_STATUSES, type Task, type TaskStatus, taskView } from './task.ts';
import type { Tasks } from './tasks.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** `GET /api/tasks/{id}`: also for suspended agents, whose own it is. */
export function readTask(tasks: Tasks): Handle {
  return async ({ principal, param }) => {
    const id = param('id');
    const state = isId(id) ? await tasks.readShown(id) : undefined;
    const read = readable(principal, state, ({ task }) => mayRead(principal, task));
    return read.ok ? jsonAnswer(200, { task: taskView(read.thing) }) : read;
  };
}

function mayRead(principal: Principal, task: Task): boolean {
  if (principal.kind === 'app') return task.appId === principal.id;
  return principal.kind === 'agent' && roleOf(task, principal.id) !== undefined;
}

/** `GET /api/tasks`: one's own, newest first. */
export function listOwnTasks(tasks: Tasks): Handle {
  return async ({ principal, exchange }) => {
    const index = indexOf(principal);
    const query = readQuery(exchange);
    if (!query.ok) return query;
    if (index === undefined) return refuse('forbidden');
    const { states, next } = await tasks.list({ ...query.query, index });
    return jsonAnswer(200, { tasks: states.map(taskView), ...(next && { next_cursor: cursorOf(next) }) });
  };
}

/** Users have no tasks. */
function indexOf(principal: Principal): string | undefined {
  switch (principal.kind) {
    case 'admin':
      return TASKS_INDEX;
    case 'app':
      return appTasksIndex(principal.id);
    case 'agent':
      return agentTasksIndex(principal.id);
    default:
      return undefined;
  }
}

type Query = Omit<Listing, 'index'>;

function readQuery({ query }: Exchange): { readonly ok: true; readonly query: Query } | Refusal {
  const role = given(query, 'role');
  if (role !== undefined && role !== 'client' && role !== 'provider') {
    return refuseField('/role', 'must be client or provider');
  }
  const status = given(query, 'status');
  if (status !== undefined && !TASK_STATUSES.includes(status as TaskStatus)) {
    return refuseField('/status', `must be one of ${TASK_STATUSES.join(', ')}`);
  }
  const limitText = given(query, 'limit') ?? String(DEFAULT_LIMIT);
  const limit = Number(limitText);
  if (!/^[0-9]{1,3}$/.test(limitText) || limit < 1 || limit > MAX_LIMIT) {
    return refuseField('/limit', `must be an integer from 1 to ${MAX_LIMIT}`);
  }
  const cursor = given(query, 'cursor');
  const after: IndexHit | undefined = cursor === undefined ? undefined : readCursor(cursor);
  if (cursor !== undefined && !after) return refuseField('/cursor', 'must be the next_cursor of an earlier answer');
  return {
    ok: true,
    query: { role: role as Role | undefined, status: status as TaskStatus | undefined, limit, after },
  };
}

/** An empty value counts as absent. */
const given = (query: URLSearchParams, name: string) => query.get(name) || undefined;
