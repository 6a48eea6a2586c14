import type { Abortable } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { Conversation } from './conversation.ts';

interface Listed {
  readonly taskId: string;
  readonly conversation: { readonly id: string; readonly name?: string };
  readonly participants: readonly string[];
}
interface Found {
  readonly task_id: string;
  readonly conversation: Listed['conversation'];
  readonly participants: readonly { readonly participant: { readonly id: string } }[];
}

/** The conversations in which an agent is now, newest first. */
export async function* listConversations(connection: Connection, options?: Abortable): AsyncGenerator<Conversation> {
  let cursor: string | undefined;
  do {
    type Page = { readonly items: readonly Listed[]; readonly nextCursor?: string };
    const payload = { limit: 200, cursor };
    const page: Page = await connection.agentTopic.call<Page>('agent/conversation/list', payload, options);
    for (const { taskId, conversation, participants } of page.items) {
      yield new Conversation(connection, { id: conversation.id, taskId, name: conversation.name, participants });
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

export async function findConversation(connection: Connection, id: string, options?: Abortable): Promise<Conversation> {
  const found = await connection.http.call<Found>('GET', `/api/conversations/${id}`, options);
  const participants = found.participants.map(({ participant }) => participant.id);
  return new Conversation(connection, { id, taskId: found.task_id, name: found.conversation.name, participants });
}
