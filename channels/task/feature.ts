import type { Log, Nodes } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import type { Agents } from '../principals/principals.ts';
import { taskChannel } from './channel.ts';
import { taskList } from './list.ts';
import { taskRoutes } from './routes.ts';
import { type TaskEffects, Tasks } from './tasks.ts';

export interface TaskParts {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read' | 'readMany' | 'readProfiles' | 'countTask' | 'forgetTask'>;
  readonly nodes: Pick<Nodes, 'onChange'>;
  readonly deadlines: Pick<Deadlines, 'on'>;
  readonly log: Log;
  readonly notices: TaskEffects['notices'];
  /** How long an ended task keeps its streams. */
  readonly retentionDays: number;
}

const DAY_MS = 86_400_000;

/** Wires everything about tasks. */
export function tasking({ store, agents, nodes, deadlines, log, notices, retentionDays }: TaskParts) {
  const tasks = new Tasks(store, {
    notices,
    countTask: (agentId, taskId, outcome) => agents.countTask(agentId, taskId, outcome),
    forgetTask: (agentId, taskId) => agents.forgetTask(agentId, taskId),
  });
  deadlines.on('task', (id) => tasks.wake(id));
  return {
    channel: taskChannel({ tasks, nodes, log, retentionMs: retentionDays * DAY_MS }),
    routes: taskRoutes({ tasks, agents }),
    list: taskList({ tasks, agents, store }),
  };
}
