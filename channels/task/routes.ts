import type { Route } from '../../server/http/index.ts';
import type { Principal } from '../principals/authenticate.ts';
import { unlessSuspended } from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import { createTask } from './create_calls.ts';
import type { Links } from './links.ts';
import { readTask } from './read_calls.ts';
import type { Tasks } from './tasks.ts';

export interface TaskRoutesOptions {
  readonly tasks: Tasks;
  readonly links: Links;
  readonly agents: Pick<Agents, 'readMany' | 'readProfiles'>;
}

/** The calls on tasks (PROTOCOL.md, section 3). */
export function taskRoutes({ tasks, links, agents }: TaskRoutesOptions): Route<Principal>[] {
  return [
    { method: 'POST', path: '/api/tasks', handle: unlessSuspended(createTask(tasks, links, agents)) },
    { method: 'GET', path: '/api/tasks/:id', handle: readTask(tasks, agents) },
  ];
}
