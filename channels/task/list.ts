import type { Store } from '../../server/store/index.ts';
import { byCreationAndMore } from '../kernel/lists/order.ts';
import { anId, oneOf } from '../kernel/lists/query.ts';
import type { Principal } from '../principals/authenticate.ts';
import type { List } from '../principals/list_route.ts';
import { type PartyOptions, type Whose, whoseThings, withOwner } from '../principals/parties.ts';
import type { Agents } from '../principals/principals.ts';
import { agentTasksIndex, appTasksIndex, fits, TASKS_INDEX } from './indexes.ts';
import { roleOf, TASK_STATUSES, type Task, type TaskState, type TaskStatus, taskView } from './state.ts';
import type { Role } from './stream.ts';
import type { Tasks } from './tasks.ts';

export interface TaskListOptions extends PartyOptions {
  readonly tasks: Pick<Tasks, 'readManyShown'>;
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly store: Pick<Store, 'lookup'>;
}

type Param = 'agent_id' | 'role' | 'status';

/** `GET /api/tasks`: for the admin, apps of their own, users of their agents', agents of their own. */
export function taskList(options: TaskListOptions): List<TaskState, Param> {
  return {
    name: 'tasks',
    checks: { agent_id: anId, role: oneOf('client', 'provider'), status: oneOf(...TASK_STATUSES) },
    // The other indexes of tasks are older than that.
    needsUpkeep: ({ kind }) => kind === 'user',
    view: (found) => found.map(taskView),

    async source(principal, { agent_id: agentId, role: roleText, status: statusText }) {
      const role = roleText as Role | undefined;
      const status = statusText as TaskStatus | undefined;
      const isApp = principal.kind === 'app';
      const whose = isApp ? ({ ok: true, all: true } as const) : await whoseThings(principal, agentId, options);
      if (!whose.ok) return whose;
      /** The key of a place says the role in the list of an agent; in other lists it says the status alone. */
      const isOfAgents = 'agentIds' in whose;
      const wanted = (task: Task) => {
        if (status !== undefined && task.status !== status) return false;
        return !isApp || (task.appId === principal.id && isOf(task, agentId, role));
      };
      return {
        ok: true,
        order: byCreationAndMore,
        indexes: indexesOf(principal, whose),
        ...((status !== undefined || (isOfAgents && role !== undefined)) && {
          isLikely: (hit) => fits({ status, role: isOfAgents ? role : undefined }, hit),
        }),
        async read(ids) {
          const found = await options.tasks.readManyShown(ids);
          const matching = found.map((state) => (state && wanted(state.task) ? state : undefined));
          const listed = await restricted(matching, whose, role);
          return listed.map((state) => state && { item: state, insertedAtMs: state.task.insertedAtMs });
        },
      };
    },
  };

  function restricted(states: readonly (TaskState | undefined)[], whose: Whose, role: Role | undefined) {
    if (!('ownerId' in whose)) return states;
    return withOwner(whose.ownerId, states, ({ task }) => agentsOf(task, role), options.agents);
  }
}

function indexesOf(principal: Principal, whose: Whose): readonly string[] {
  if ('agentIds' in whose) return whose.agentIds.map(agentTasksIndex);
  return [principal.kind === 'app' ? appTasksIndex(principal.id) : TASKS_INDEX];
}

function agentsOf({ clientAgentId, providerAgentId }: Task, role: Role | undefined): readonly string[] {
  if (role === undefined) return [clientAgentId, providerAgentId];
  return [role === 'client' ? clientAgentId : providerAgentId];
}

/** Without an agent a role says nothing. */
function isOf(task: Task, agentId: string | undefined, role: Role | undefined): boolean {
  if (agentId === undefined) return true;
  const its = roleOf(task, agentId);
  return its !== undefined && (role === undefined || role === its);
}
