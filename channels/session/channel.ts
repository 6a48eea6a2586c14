import { accept, type ChannelSocket, grant, type Log, later, reply } from '../../server/index.ts';
import { newId } from '../kernel/ids.ts';
import { iso } from '../kernel/iso.ts';
import { micro } from '../kernel/money.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import { type AgentSession, agentChannel } from '../principals/agent_session.ts';
import type { Agents } from '../principals/principals.ts';
import type { Attendance } from './attendance.ts';
import { saidKey, writeRefusal } from './draft.ts';
import type { LogEntry } from './entries.ts';
import { executionId } from './executions.ts';
import type { FeedItem, Feeds, LiveEvent } from './feed.ts';
import { LogReader } from './log_reader.ts';
import { Looking } from './looking.ts';
import {
  type AgentMessagePayload,
  argumentsRefusal,
  contentRefusal,
  events,
  joinParams,
  pushes,
  type RequestPaymentPayload,
  type Resume,
  resultRefusal,
} from './schema.ts';
import type { Sessions } from './sessions.ts';
import type { Session } from './state.ts';
import { sessionView } from './view.ts';

export interface SessionChannelOptions {
  readonly sessions: Sessions;
  readonly agents: Pick<Agents, 'read'>;
  readonly feeds: Feeds;
  readonly attendance: Attendance;
  readonly log: Log;
}

interface AgentMembership {
  readonly resume: Resume;
  /** The log's end at the join. */
  readonly head: number;
  userIsThere: boolean;
  /** Ends when the messages that this socket has sent are stored. */
  storing: Promise<unknown>;
}

type SessionSocket = ChannelSocket<AgentSession & AgentMembership, typeof pushes>;

/** The user's comings and goings are told after so long, if they last. */
const DEBOUNCE_MS = 1_000;

/** `session:*`: the agent's side of a session (SESSIONS.md). */
export function sessionChannel({ sessions, agents, feeds, attendance, log }: SessionChannelOptions) {
  async function store({ content, execution_id, final = true, id: messageId }: AgentMessagePayload, id: string) {
    const command = { type: 'agent_message', id: messageId, content, executionId: execution_id, final } as const;
    const applied = await sessions.apply(id, command);
    if (!applied.ok) return applied;
    for (const event of applied.events) if (event.type === 'appended') return reply({ seq: event.entry.seq });
    const said = messageId === undefined ? undefined : await sessions.readSaid(id, saidKey('agent', messageId));
    return reply({ seq: said?.seq, duplicate: true });
  }

  /** Reads the session for something that only whoever is connected now hears of. */
  async function live(
    { id, assigns }: SessionSocket,
    event: Omit<LiveEvent, 'execution_id'>,
    named: string | undefined,
  ) {
    await assigns.storing;
    const session = await sessions.read(id);
    if (!session) return refuse('not_found');
    if (session.closing) return refuse('session_closed', { reason: session.closing.reason });
    const [oldest] = session.openExecutions;
    const execution = named ?? (oldest === undefined ? undefined : executionId(oldest));
    feeds.publish(id, {
      type: 'live',
      live: { ...event, ...(execution !== undefined && { execution_id: execution }) },
    });
    return reply();
  }

  async function actionRefusal(session: Session, payload: RequestPaymentPayload, agentId: string) {
    const agent = await agents.read(agentId);
    if (agent?.capabilities.some(({ name }) => name === payload.action)) return undefined;
    // A repeat is answered as it was, whatever the agent can do now.
    const said = payload.id !== undefined && (await sessions.readSaid(session.id, saidKey('request', payload.id)));
    if (said) return undefined;
    return writeRefusal(session) ?? refuseField('/action', 'must be the name of one of your capabilities');
  }

  return agentChannel({
    topic: 'session:*',
    params: {
      async authorize({ id, assigns }) {
        const session = await sessions.read(id);
        if (!session) return refuse('not_found');
        return session.agent?.id === assigns.agentId ? grant(session) : refuse('unauthorized');
      },
      schema: joinParams,
    },
    events,
    pushes,

    async join({ params, granted: session }) {
      const userIsThere = await attendance.isThere('user', session.id);
      const now = session.closing ? session : await joined(session);
      const storing = Promise.resolve();
      const membership: AgentMembership = { resume: params.resume, head: now.entries, userIsThere, storing };
      return accept(membership, { session: sessionView(now), user_present: userIsThere });
    },

    async joined(socket) {
      const { id, assigns } = socket;
      void attendance.enter('agent', id).catch(() => {});
      socket.onEnd(() => attendance.leave('agent', id));
      const source = {
        read: (after: number, limit: number) => sessions.entries(id, after, limit),
        head: async () => (await sessions.read(id))?.entries ?? 0,
      };
      const reader = new LogReader(memberOf(socket), source, log);
      reader.start(startOf(assigns));
      const looking = new Looking(
        () => reader.look(),
        () => socket.ended,
        log,
      );
      const presence = new PresenceOfUser(socket, attendance);
      const stop = await feeds.listen(id, {
        heard(item) {
          if (item.type === 'entry') reader.stored(item.entry.seq, item.entry);
          if (item.type === 'user_moved') presence.look();
        },
        look() {
          void looking.soon();
          presence.look();
        },
      });
      socket.onEnd(stop);
      // What was stored while the subscription was made.
      await reader.look();
      presence.look();
      feeds.publish(id, { type: 'agent_joined' });
    },

    on: {
      agent_message(payload, socket) {
        const refused = contentRefusal(payload.content);
        if (refused) return refused;
        // Messages share commits; what else this socket does waits for them.
        const stored = store(payload, socket.id);
        socket.assign({ storing: Promise.all([socket.assigns.storing, stored]).catch(() => {}) });
        return later(stored, { leaveWaits: true });
      },

      thinking: ({ message, execution_id: execution }, socket) =>
        live(socket, { type: 'thinking', ...(message !== undefined && { message }) }, execution),
      tool_call: ({ execution_id: execution, arguments: given = {}, ...call }, socket) =>
        argumentsRefusal(given) ?? live(socket, { type: 'tool_call', ...call, arguments: given }, execution),
      tool_result: ({ execution_id: execution, result = null, ...call }, socket) =>
        resultRefusal(result) ?? live(socket, { type: 'tool_result', ...call, result }, execution),

      async request_payment(payload, { id, assigns }) {
        await assigns.storing;
        const session = await sessions.read(id);
        if (!session) return refuse('not_found');
        const refused = await actionRefusal(session, payload, assigns.agentId);
        if (refused) return refused;
        const applied = await sessions.apply(id, {
          type: 'request_payment',
          id: payload.id,
          requestId: newId(),
          paymentId: newId(),
          amountMicro: micro(payload.amount_usdc),
          action: payload.action,
          description: payload.description,
        });
        if (!applied.ok) return applied;
        if (applied.events.length === 0) return repeatedRequest(id, payload.id ?? '');
        const { pending } = applied.state;
        if (!pending) return refuse('not_found');
        const request = { request_id: pending.id, expires_at: iso(pending.expiresAtMs) };
        if (pending.stage === 'asked') return reply({ ...request, status: 'pending' });
        const after = await sessions.book(applied.state);
        if (after.pending?.id === pending.id) return reply({ ...request, status: 'pending' });
        const isPaid = await sessions.isSettled(id, pending);
        return isPaid ? reply({ ...request, status: 'approved' }) : (writeRefusal(after) ?? refuse('not_found'));
      },

      async close_session({ reason }, { id, assigns }) {
        await assigns.storing;
        const before = await sessions.read(id);
        const applied = await sessions.apply(id, { type: 'close', by: 'agent', reason });
        if (!applied.ok) return applied;
        const duplicate = before?.closing ? { duplicate: true } : {};
        return reply({ session: sessionView(applied.state), ...duplicate });
      },
    },
  });

  async function joined(session: Session): Promise<Session> {
    const applied = await sessions.apply(session.id, { type: 'agent_joined' });
    return applied.ok ? applied.state : session;
  }

  async function repeatedRequest(id: string, payloadId: string) {
    const said = await sessions.readSaid(id, saidKey('request', payloadId));
    if (!said?.request) return refuse('not_found');
    const { id: requestId, expiresAtMs, status } = said.request;
    return reply({ request_id: requestId, expires_at: iso(expiresAtMs), status, duplicate: true });
  }
}

/** The seq behind which the agent goes on. */
function startOf({ resume, head }: AgentMembership): number {
  if (resume === false) return head;
  return Math.min(resume ?? 0, head);
}

function memberOf(socket: SessionSocket) {
  return {
    entry(entry: LogEntry, isReplay: boolean): void {
      const pushed = pushOf(entry);
      if (!pushed) return;
      const { event, payload } = pushed;
      if (isReplay) socket.pushSnapshot(event, JSON.stringify(payload));
      else socket.push(event, payload as never);
    },
    beside(_: FeedItem): void {},
    writable: () => socket.writable(),
    hasEnded: () => socket.ended,
  };
}

/** An entry as the agent is told of it; its own words it has. */
function pushOf(entry: LogEntry): { readonly event: keyof typeof pushes; readonly payload: object } | undefined {
  const { seq } = entry;
  switch (entry.type) {
    case 'user_message': {
      const { type: _, by: __, ...payload } = entry;
      return { event: 'user_message', payload };
    }
    case 'payment_response': {
      if (entry.approved) return undefined;
      const reason = entry.by === 'user' ? 'declined' : entry.by;
      return { event: 'payment_response', payload: { seq, request_id: entry.request_id, approved: false, reason } };
    }
    case 'payment_settled':
      return { event: 'payment_response', payload: { seq, request_id: entry.request_id, approved: true } };
    case 'payment_failed': {
      const { request_id, reason } = entry;
      return { event: 'payment_response', payload: { seq, request_id, approved: false, reason } };
    }
    case 'session_closed':
      return { event: 'session_closed', payload: { seq, reason: entry.reason, by: entry.by } };
    case 'agent_message':
    case 'payment_request':
      return undefined;
  }
}

/** Tells an agent's socket whether the user is there, once that has lasted. */
class PresenceOfUser {
  readonly #socket: SessionSocket;
  readonly #attendance: Attendance;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: SessionSocket, attendance: Attendance) {
    this.#socket = socket;
    this.#attendance = attendance;
    socket.onEnd(() => clearTimeout(this.#timer));
  }

  look(): void {
    if (this.#socket.ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tell(), DEBOUNCE_MS);
    this.#timer.unref();
  }

  async #tell(): Promise<void> {
    const connected = await this.#attendance.isThere('user', this.#socket.id);
    if (this.#socket.ended || connected === this.#socket.assigns.userIsThere) return;
    this.#socket.assign({ userIsThere: connected });
    this.#socket.push('user_presence', { connected });
  }
}
