import { randomUUID } from 'node:crypto';
import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type Applied } from '../kernel/aggregate.ts';
import { untilDone } from '../kernel/attempts.ts';
import { refuse } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { Moved } from '../kernel/signed_change.ts';
import type { Agents } from '../principals/principals.ts';
import { digestOf } from '../task/state.ts';
import { markField, saidField, sentField, shownFields, TALK, talkType } from './codec.ts';
import type { Command, Create, Event, Send, Update } from './commands.ts';
import { decide } from './decide.ts';
import type { ConversationDirectory } from './directory.ts';
import type { News } from './ear.ts';
import { ConversationLog, type TalkMessage } from './log.ts';
import { endEntry, keyOf, type Part, type TalkState } from './state.ts';

export interface ConversationsOptions {
  readonly store: Store;
  readonly directory: ConversationDirectory;
  readonly agents: Pick<Agents, 'readProfiles'>;
  /** Tells whoever hears of an entry, once it is durable. */
  readonly publish: (news: News) => void;
}

type Done = { readonly ok: true; readonly state: TalkState; readonly events: readonly Event[] } | Refusal;

/** The conversations of tasks, in the store. */
export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #talks: Aggregates<TalkState, Command, Event, Moved>;

  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#talks = new Aggregates(options.store, talkType);
  }

  /** One conversation of a task; its maps hold no other. */
  async read(taskId: string, id: string, more: readonly string[] = []): Promise<TalkState | undefined> {
    return this.#talks.read(taskId, [...shownFields(id), ...more]);
  }

  /** A task without its conversations. */
  async readTalk(taskId: string): Promise<TalkState | undefined> {
    return this.#talks.read(taskId, ['task', TALK]);
  }

  /** @param id left out: made here */
  async create(
    appId: string,
    {
      taskId,
      id,
      name,
      participants,
    }: { taskId: string; id?: string | undefined; name: string | undefined; participants: readonly string[] },
  ): Promise<(Done & { readonly id?: string }) | Refusal> {
    const ids = [...new Set(participants)];
    const conversationId = id ?? randomUUID();
    const { directory } = this.#options;
    const command: Create = {
      type: 'create',
      appId,
      id: conversationId,
      createdAtMs: 0,
      name: name ?? null,
      participants: ids,
      request: requestDigest(`app:${appId}`, { taskId, name, participants: [...ids].sort() }),
      unknown: await this.#unknown(ids),
    };
    const state = await this.read(taskId, conversationId, [TALK]);
    const owner = id === undefined || state?.task.appId !== appId ? taskId : await directory.taskOf(id);
    if (owner !== undefined && owner !== taskId) return refuse('forbidden', { reason: 'conflict' });
    // What is refused now is listed nowhere.
    const likely = decide(state, command, 0);
    if (!likely.ok && !('hasMoved' in likely)) return likely;
    // Listed first: whoever is in a conversation finds it in its list.
    const claimed = await directory.claim(conversationId, taskId, ids);
    if (!claimed.ok) return claimed;
    const done = await this.#apply(taskId, { ...command, createdAtMs: claimed.state.createdAtMs });
    if (done.ok) await this.#settle(taskId, conversationId, ids);
    else await directory.forsake(conversationId, taskId, ids);
    return done.ok ? { ...done, id: conversationId } : done;
  }

  async update(
    appId: string,
    {
      type,
      taskId,
      id,
      agentId = '',
    }: { type: 'archive' | 'unarchive' | 'add' | 'remove'; taskId: string; id: string; agentId?: string | undefined },
  ): Promise<Done> {
    const isChange = type === 'add' || type === 'remove';
    const isKnown = !isChange || (await this.#unknown([agentId])).length === 0;
    const { directory } = this.#options;
    const command: Update = { type, appId, id, agentId, isKnown };
    if (!isChange) return this.#apply(taskId, command);
    const likely = decide(await this.read(taskId, id, [TALK]), command, 0);
    if (!likely.ok && !('hasMoved' in likely)) return likely;
    const isExpected = type === 'add' && (await directory.taskOf(id)) === taskId;
    if (isExpected) await directory.expect(id, agentId);
    const done = await this.#apply(taskId, command);
    await this.#settle(taskId, id, isExpected ? [agentId] : []);
    return done;
  }

  /** @param messageId left out: made here */
  async send(
    by: string,
    {
      taskId,
      id,
      messageId = randomUUID(),
      parts,
      replyToId,
    }: {
      taskId: string;
      id: string;
      messageId?: string | undefined;
      parts: readonly Part[];
      replyToId?: string | undefined;
    },
  ): Promise<{ readonly ok: true; readonly message: TalkMessage } | Refusal> {
    const digest = digestOf({ parts, replyToId });
    const command: Send = { type: 'send', id, by, messageId, parts, replyToId, digest };
    const done = await this.#apply(taskId, command);
    if (!done.ok) return done;
    for (const event of done.events) {
      if (event.type === 'logged' && event.entry.kind === 'message') return { ok: true, message: event.entry };
    }
    const said = done.state.said.get(keyOf(id, messageId));
    const [stored] = await this.log(taskId, id).entries(said?.seq ?? 0, 1);
    return stored?.kind === 'message' ? { ok: true, message: stored } : refuse('message_not_found');
  }

  async mark(by: string, { taskId, id, messageId }: { taskId: string; id: string; messageId: string }): Promise<Done> {
    const fields = [saidField(id, messageId), sentField(id, by), markField(id, by)];
    const state = await this.read(taskId, id, fields);
    const own = state ? await this.#ownUpTo(state, { taskId, id, by, messageId }) : 0;
    return this.#apply(taskId, { type: 'read', id, by, messageId, own });
  }

  /** Counts the reader's own messages up to one, from its last mark or from the end, whichever is nearer. */
  async #ownUpTo(
    state: TalkState,
    { taskId, id, by, messageId }: { taskId: string; id: string; by: string; messageId: string },
  ): Promise<number> {
    const said = state.said.get(keyOf(id, messageId));
    const mark = state.marks.get(keyOf(id, by)) ?? { ordinal: 0, own: 0 };
    const conversation = state.conversations.get(id);
    const total = state.sent.get(keyOf(id, by)) ?? 0;
    if (!said || !conversation || said.ordinal <= mark.ordinal || total === mark.own) return mark.own;
    const log = this.log(taskId, id);
    if (said.ordinal - mark.ordinal <= conversation.messages - said.ordinal) {
      return mark.own + (await log.countBy(by, mark.ordinal + 1, said.ordinal));
    }
    return total - (await log.countBy(by, said.ordinal + 1, conversation.messages));
  }

  async admit(appId: string, taskId: string, agentId: string): Promise<Done> {
    const isKnown = (await this.#unknown([agentId])).length === 0;
    return this.#apply(taskId, { type: 'admit', appId, agentId, isKnown });
  }

  /** Takes an agent out of a task and of its conversations. @param appId undefined: the agent leaves */
  async dismiss(taskId: string, agentId: string, appId: string | undefined): Promise<Done> {
    const isKnown = appId === undefined || (await this.#unknown([agentId])).length === 0;
    const done = await untilDone(`task ${taskId}`, async () => {
      const talk = await this.readTalk(taskId);
      const conversationIds = talk?.talk.conversationIds ?? [];
      const applied = await this.#talks.apply(taskId, { type: 'dismiss', agentId, appId, isKnown, conversationIds });
      return 'hasMoved' in applied ? undefined : applied;
    });
    this.#tell(taskId, done);
    if (done.ok) {
      for (const event of done.events) if (event.type === 'logged') await this.#settle(taskId, event.id, []);
    }
    return done;
  }

  log(taskId: string, id: string): ConversationLog {
    return new ConversationLog(this.#options.store, taskId, id);
  }

  /** A participant's view of what it has not read: its mark, and how many messages of others stand behind it. */
  async unread(taskId: string, id: string, agentId: string) {
    const state = await this.read(taskId, id, [markField(id, agentId), sentField(id, agentId)]);
    const mark = state?.marks.get(keyOf(id, agentId));
    const total = state?.conversations.get(id)?.messages ?? 0;
    const own = state?.sent.get(keyOf(id, agentId)) ?? 0;
    return { mark, count: total - (mark?.ordinal ?? 0) - (own - (mark?.own ?? 0)) };
  }

  async #unknown(agentIds: readonly string[]): Promise<string[]> {
    const found = await this.#options.agents.readProfiles(agentIds);
    return agentIds.filter((_, at) => !found[at]);
  }

  async #apply(taskId: string, command: Exclude<Command, { type: 'dismiss' }>): Promise<Done> {
    const applied = await this.#talks.apply(taskId, command);
    if ('hasMoved' in applied) throw new Error('A command that is not prepared has moved (fault conversation-2)');
    this.#tell(taskId, applied);
    if (applied.ok && applied.events.length === 0) this.#tellAgain(taskId, applied.state, command);
    return applied;
  }

  #tell(taskId: string, applied: Applied<TalkState, Event>): void {
    if (!applied.ok) return;
    const { conversations, task } = applied.state;
    for (const event of applied.events) {
      if (event.type !== 'logged') continue;
      const { id, entry, to } = event;
      const conversation = conversations.get(id);
      const about = { taskId, id, name: conversation?.name ?? null, to };
      // The end of the task stands before it, and word of that may be still to come.
      if (conversation && entry.kind === 'removed') {
        const end = endEntry(conversation, task, entry.seq - 1);
        if (end) this.#options.publish({ ...about, entry: end });
      }
      this.#options.publish({ ...about, entry });
    }
  }

  /** What is called again and changes nothing may never have been told: its node may have ended before it did. */
  #tellAgain(taskId: string, state: TalkState, command: Command): void {
    if (!('id' in command) || command.type === 'read') return;
    const { id } = command;
    const conversation = state.conversations.get(id);
    if (!conversation) return;
    const to = (state.participants.get(id) ?? []).map((each) => each.id);
    const gone = command.type === 'remove' ? [command.agentId] : [];
    this.#options.publish({ taskId, id, name: conversation.name, upTo: conversation.lastSeq, to, gone });
  }

  /** Lists a conversation as it is. What fails leaves it in too many lists, where it is passed over. */
  async #settle(taskId: string, id: string, come: readonly string[]): Promise<void> {
    const state = await this.read(taskId, id);
    const conversation = state?.conversations.get(id);
    const { directory } = this.#options;
    if (!conversation) return void (come.length > 0 && (await directory.forsake(id, taskId, come)));
    const participants = (state?.participants.get(id) ?? []).map((each) => each.id);
    const { createdAtMs, lastSeq: seq } = conversation;
    await directory.settle(id, { createdAtMs, seq, participants }, come);
  }
}
