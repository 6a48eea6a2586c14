import type { Domain, DomainContext } from '../principals/domain.ts';
import { Conversations } from './conversations.ts';
import { ConversationDirectory } from './directory.ts';
import { Ears } from './ears.ts';
import type { RpcDomain as Methods } from './methods.ts';
import { conversationRoutes } from './routes.ts';
import { endEntry } from './state.ts';

type Context = Pick<DomainContext, 'store' | 'hub' | 'log' | 'nodes' | 'principals' | 'cursors'>;

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
  nodes,
  principals,
  cursors,
}: Context): Domain & ConversationsForGateways & { readonly onTaskEnded: (taskId: string) => void } {
  const { agents } = principals;
  const directory = new ConversationDirectory(store);
  const conversations: Conversations = new Conversations({
    store,
    directory,
    agents,
    publish: (news) => ears.publish(news),
  });
  const ears: Ears = new Ears(hub, conversations, log);
  nodes.onChange(({ left }) => void (left.length > 0 && ears.lookAgain()));

  const domain = { conversations, directory, store, cursors, nowMs: () => store.nowMs() };

  /** Tells that a task's conversations are archived with it. */
  async function tellArchived(taskId: string): Promise<void> {
    const talk = await conversations.readTalk(taskId);
    for (const id of talk?.talk.conversationIds ?? []) {
      const state = await conversations.read(taskId, id);
      const conversation = state?.conversations.get(id);
      const entry = state && conversation && endEntry(conversation, state.task, conversation.lastSeq);
      if (!entry) continue;
      const to = (state.participants.get(id) ?? []).map((each) => each.id);
      ears.publish({ taskId, id, entry, name: conversation.name, to });
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
