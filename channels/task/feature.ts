import type { Notifications } from '../messages/notifications.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { servedList } from '../principals/list_route.ts';
import { taskChannel } from './channel.ts';
import { Links, type LinksOptions } from './links.ts';
import { taskList } from './list.ts';
import { taskRoutes } from './routes.ts';
import { Tasks } from './tasks.ts';

type Context = Pick<DomainContext, 'store' | 'nodes' | 'log' | 'principals' | 'taskRetentionDays'> & {
  readonly notifications: Notifications;
  readonly negotiations: LinksOptions['negotiations'];
  readonly openings: LinksOptions['openings'];
  /** Told once of each task that has ended. */
  readonly onTaskEnded: (taskId: string) => void;
};

const DAY_MS = 86_400_000;

/** Tasks: the channel with its streams, the HTTP calls, and what follows when a task ends. */
export function taskFeature({
  store,
  nodes,
  log,
  principals,
  notifications,
  negotiations,
  openings,
  onTaskEnded,
  taskRetentionDays,
}: Context): Domain {
  const { agents } = principals;
  const tasks = new Tasks(store, {
    notifications,
    countTask: (agentId, taskId, outcome) => agents.countTask(agentId, taskId, outcome),
    forgetTask: (agentId, taskId) => agents.forgetTask(agentId, taskId),
    ended: onTaskEnded,
  });
  const links = new Links({ negotiations, openings, readTask: (id) => tasks.readShown(id) });
  return {
    name: 'task',
    channels: { agent: [taskChannel({ tasks, nodes, log, retentionMs: taskRetentionDays * DAY_MS })] },
    routes: taskRoutes({ tasks, links, agents }),
    lists: { '/api/tasks': servedList(taskList({ tasks, agents, store })) },
    deadlines: { task: (id) => tasks.wake(id) },
  };
}
