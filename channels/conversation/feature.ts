import type { Domain, DomainContext } from '../principals/domain.ts';
import { Conversations } from './conversations.ts';
import { ConversationDirectory } from './directory.ts';
import { Ears } from './ears.ts';
import type { RpcDomain as Methods } from './methods.ts';
import { conversationRoutes } from './routes.ts';

type Context = Pick<DomainContext, 'store' | 'hub' | 'log' | 'principals' | 'cursors'>;

/** The parts of conversations that gateways need. */
export interface ConversationsForGateways {
  readonly methods: Methods;
  readonly ears: Ears;
}

/** Conversations of the agents of a task: the methods, who hears of what, and the HTTP calls. */
export function conversationFeature({
  store,
  hub,
  log,
  principals,
  cursors,
}: Context): Domain & ConversationsForGateways & { readonly onTaskEnded: (taskId: string) => void } {
  const { agents } = principals;
  const directory = new ConversationDirectory(store);
  const conversations: Conversations = new Conversations({
    store,
    directory,
    agents,
    onLogged(taskId, { id, entry, to }, name) {
      ears.publish({ taskId, id, entry, name, to });
    },
  });
  const ears: Ears = new Ears(hub, conversations, log);

  const domain = { conversations, directory, store, cursors, nowMs: () => store.nowMs() };

  /** Tells that a task's conversations are archived with it. */
  async function tellArchived(taskId: string): Promise<void> {
    const talk = await conversations.readTalk(taskId);
    for (const id of talk?.talk.conversationIds ?? []) {
      const state = await conversations.read(taskId, id);
      const conversation = state?.conversations.get(id);
      if (!conversation || conversation.archivedAtMs !== null || state?.task.finishedAtMs == null) continue;
      const to = (state.participants.get(id) ?? []).map((each) => each.id);
      // The end of the task is no entry of the log: it stands behind the last one.
      ears.publish({
        taskId,
        id,
        entry: { kind: 'archived', seq: conversation.lastSeq + 0.5, atMs: state.task.finishedAtMs },
        name: conversation.name,
        to,
      });
    }
  }

  return {
    name: 'conversation',
    routes: conversationRoutes({ ...domain, agents }),
    methods: domain,
    ears,
    onTaskEnded: (taskId) =>
      void tellArchived(taskId).catch((error: unknown) =>
        log.warn({ err: error, task: taskId }, 'telling that conversations are archived failed'),
      ),
    close: () => ears.close(),
  };
}
