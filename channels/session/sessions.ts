import type { Log, Refusal } from '../../server/index.ts';
import { type IndexHit, type Store, StoreUnavailable } from '../../server/store/index.ts';
import type { Credits } from '../credits/payments_of_sessions.ts';
import { Aggregates, type Applied } from '../kernel/aggregate.ts';
import { newId } from '../kernel/ids.ts';
import { usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { Notifications } from '../messages/notifications.ts';
import type { Agents } from '../principals/principals.ts';
import { type Assignment, agentRefusal } from './assignment.ts';
import { SESSION, SHOWN, sessionType } from './codec.ts';
import type { Command, Event } from './commands.ts';
import { isForgotten } from './decide.ts';
import { LOG } from './draft.ts';
import type { LogEntry } from './entries.ts';
import type { AskedRequest, Feeds } from './feed.ts';
import { TIED_INDEX } from './indexes.ts';
import type { OpenSessions } from './open_sessions.ts';
import type { AutoPay, PendingRequest, Session, SessionState } from './state.ts';

export interface SessionsOptions {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read'>;
  readonly feeds: Feeds;
  readonly assignment: Assignment;
  readonly notifications: Pick<Notifications, 'acknowledge'>;
  readonly ofUsers: OpenSessions;
  readonly ofAgents: OpenSessions;
  readonly credits: Credits;
  /** Tells an agent that a session is its own. */
  readonly onAssigned: (session: Session) => void;
  readonly log: Log;
}

/** Fields given by whoever makes a session. */
export interface NewSession {
  readonly userId: string | null;
  /** The agent, where it is named; else one is assigned by `capability`. */
  readonly agentId: string | undefined;
  readonly capability: string;
  readonly autoPay: AutoPay | null;
  readonly tiedTo: string | null;
}

export type Made = { readonly ok: true; readonly session: Session; readonly repeated: boolean } | Refusal;

/** The sessions, in the store. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #aggregates: Aggregates<SessionState, Command, Event>;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#aggregates = new Aggregates(options.store, sessionType);
  }

  /** Undefined also for one whose retention is over. */
  async read(id: string): Promise<Session | undefined> {
    const [session] = await this.readMany([id]);
    return session;
  }

  /** In the order of `ids`. */
  async readMany(ids: readonly string[]): Promise<(Session | undefined)[]> {
    const found = await this.#aggregates.readMany(ids, SHOWN);
    return found.map((state) => (state && !state.session.isGone ? state.session : undefined));
  }

  /** Entries of the log after a seq, in order. */
  async entries(id: string, after: number, limit: number): Promise<LogEntry[]> {
    const found = await this.#options.store.range({ kind: SESSION, id }, LOG, after + 1, limit);
    return found.map(({ value }) => JSON.parse(value) as LogEntry);
  }

  /** @param by who asks: the same request of the same one finds what it made before */
  async make(by: string, id: string | undefined, fields: NewSession): Promise<Made> {
    const { userId, agentId, capability, autoPay, tiedTo } = fields;
    const sessionId = id ?? newId();
    const request = requestDigest(by, { agentId, capability: agentId === undefined ? capability : null, autoPay });
    const before = id === undefined ? undefined : await this.#aggregates.read(sessionId, SHOWN);
    if (before) {
      const { isGone, request: first } = before.session;
      return isGone || first !== request ? refuse('conflict') : { ok: true, session: before.session, repeated: true };
    }
    const agent = agentId === undefined ? null : await this.#options.agents.read(agentId);
    const refused = agentId === undefined ? undefined : (agentRefusal(agent ?? undefined, agentId) ?? undefined);
    if (refused) return refused;

    const terms = {
      id: sessionId,
      userId,
      capability: agent ? null : capability,
      autoPay,
      tiedTo,
      request,
    };
    const named = agent ? { id: agent.id, name: agent.name } : null;
    const placed = await this.#takePlaces(sessionId, userId, named?.id);
    if (!placed.ok) return placed;
    const create = async (notices: SessionState['session']['notices']) => {
      const applied = await this.apply(sessionId, { type: 'create', terms, agent: named, notices });
      const isAssigned = applied.ok && applied.state.notices === notices;
      return { result: applied, isAssigned };
    };
    const applied = named
      ? await this.#options.assignment.withNotice(named.id, { sessionId, userId }, create)
      : (await create([])).result;
    if (!applied.ok) {
      await this.#giveUpPlaces(sessionId, userId, named?.id);
      return applied;
    }
    const repeated = applied.events.length === 0;
    const session = named || repeated ? applied.state : await this.assign(applied.state);
    return { ok: true, session, repeated };
  }

  async #takePlaces(
    sessionId: string,
    userId: string | null,
    agentId: string | undefined,
  ): Promise<{ readonly ok: true } | Refusal> {
    const { ofUsers, ofAgents } = this.#options;
    const ofUser = userId === null ? ({ ok: true } as const) : await ofUsers.take(userId, sessionId);
    if (!ofUser.ok || agentId === undefined) return ofUser;
    const ofAgent = await ofAgents.take(agentId, sessionId);
    if (!ofAgent.ok && userId !== null) await ofUsers.giveUp(userId, sessionId);
    return ofAgent;
  }

  /** Gives up the places for a session that somebody else has made under the same id meanwhile, unless they are its own. */
  async #giveUpPlaces(sessionId: string, userId: string | null, agentId: string | undefined): Promise<void> {
    const { ofUsers, ofAgents } = this.#options;
    const made = await this.read(sessionId);
    if (userId !== null && made?.userId !== userId) await ofUsers.giveUp(userId, sessionId);
    if (agentId !== undefined && made?.agent?.id !== agentId) await ofAgents.giveUp(agentId, sessionId);
  }

  /** Gives a session without an agent to one, if there is one now. Resolves to the session as it is then. */
  async assign(session: Session): Promise<Session> {
    const { id, agent, capability, closing, userId } = session;
    if (agent || closing || capability === null) return session;
    const toAssign = { sessionId: id, userId };
    const assigned = await this.#options.assignment.byCapability(capability, toAssign, async (agent, notices) => {
      const applied = await this.apply(id, { type: 'assign', agent, notices });
      return applied.ok && applied.state.agent?.id === agent.id ? applied.state : undefined;
    });
    return assigned ?? (await this.read(id)) ?? session;
  }

  /**
   * Decides and commits, tells everybody who has a socket of the session, and does what follows from it.
   *
   * @param onCommitted gets what happened before anybody is told
   * @throws StoreUnavailable the outcome is unknown
   */
  async apply(
    id: string,
    command: Command,
    onCommitted?: (events: readonly Event[]) => void,
  ): Promise<Applied<Session, Event>> {
    const applied = await this.#aggregates.apply(id, command);
    if (!applied.ok) return applied;
    onCommitted?.(applied.events);
    const { session } = applied.state;
    const { feeds, onAssigned } = this.#options;
    for (const event of applied.events) {
      if (event.type === 'appended') feeds.publish(id, { type: 'entry', entry: event.entry, agent: session.agent });
      if (event.type === 'asked') feeds.publish(id, { type: 'asked', request: askedRequest(event.request) });
      if (event.type === 'assigned') onAssigned(session);
    }
    if (applied.events.some(isEnd)) await this.#laterIfAway(() => this.#followUp(session));
    return { ok: true, state: session, events: applied.events };
  }

  /** Answers a command by what was stored under the ids that it names. */
  async readSaid(id: string, key: string) {
    const state = await this.#aggregates.read(id, [...SHOWN, key]);
    return state?.said.get(key);
  }

  /**
   * Books the request that auto-pay tries or the user has approved, and records the outcome. Any node may do it, and
   * again: it is booked once.
   *
   * @throws StoreUnavailable it is done by the session's deadline
   */
  async book(session: Session): Promise<Session> {
    const { id, userId, agent, pending, autoPay } = session;
    if (!pending || pending.stage === 'asked' || userId === null || !agent) return session;
    const { paymentId, amountMicro, stage, id: requestId } = pending;
    const outcome = await this.#options.credits.pay({
      id: paymentId,
      userId,
      agentId: agent.id,
      sessionId: id,
      amountMicro,
      ...(stage === 'auto' && autoPay && { autoPay }),
    });
    const type = outcome === 'booked' ? 'settle_payment' : stage === 'auto' ? 'ask_user' : 'fail_payment';
    const applied = await this.apply(id, { type, requestId });
    return applied.ok ? applied.state : session;
  }

  /** True if a request that has ended was paid. */
  async isSettled(id: string, { id: requestId, seq }: Pick<PendingRequest, 'id' | 'seq'>): Promise<boolean> {
    const after = await this.entries(id, seq, ENTRIES_OF_REQUEST);
    return after.some((entry) => entry.type === 'payment_settled' && entry.request_id === requestId);
  }

  /** Does what is due: a request's end, a booking, the session's end and what follows from it, its removal. */
  async wake(id: string): Promise<void> {
    const state = await this.#aggregates.read(id, SHOWN);
    if (!state) return;
    const { session } = state;
    if (session.pending && session.pending.stage !== 'asked') return void (await this.book(session));
    if (session.followUpDueMs !== null) return this.#followUp(session);
    const isOver = isForgotten(session, await this.#options.store.nowMs());
    await this.apply(id, { type: isOver ? 'remove' : 'wake' });
  }

  /** Closes the sessions whose socket was on a host that is gone. @param gone tells which of all hosts are */
  async closeTied(gone: (hosts: Iterable<string>) => Promise<ReadonlySet<string>>): Promise<void> {
    const tied = await this.#tied();
    const areGone = await gone(tied.map(({ key }) => key));
    for (const { key, id } of tied) {
      if (areGone.has(key)) await this.apply(id, { type: 'close', by: 'user', reason: DISCONNECTED });
    }
  }

  /** The open sessions that end with a socket; there are as many as there are such sockets. */
  async #tied(): Promise<IndexHit[]> {
    const tied: IndexHit[] = [];
    for (;;) {
      const after = tied.at(-1);
      const hits = await this.#options.store.lookup(TIED_INDEX, { limit: TIED_PAGE, ...(after && { after }) });
      tied.push(...hits);
      if (hits.length < TIED_PAGE) return tied;
    }
  }

  /** Gives up the places of a session that has ended, and settles its notices. Twice is fine. */
  async #followUp({ id, userId, agent, notices }: Session): Promise<void> {
    const { ofUsers, ofAgents, notifications } = this.#options;
    await Promise.all([
      userId !== null && ofUsers.giveUp(userId, id),
      agent && ofAgents.giveUp(agent.id, id),
      notifications.acknowledge(notices),
    ]);
    await this.#aggregates.apply(id, { type: 'followed_up' });
  }

  async #laterIfAway(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#options.log.warn({ err: error }, 'the end of a session is followed up at its deadline');
    }
  }
}

const TIED_PAGE = 200;
/** Behind a request that auto-pay has paid at once there are few before its end. */
const ENTRIES_OF_REQUEST = 200;

/** Why a session ends whose socket is gone. */
export const DISCONNECTED = 'disconnected';

const isEnd = (event: Event) => event.type === 'appended' && event.entry.type === 'session_closed';

const askedRequest = ({ seq, id, amountMicro, action, description, ...times }: PendingRequest): AskedRequest => ({
  seq,
  request_id: id,
  amount_usdc: usdc(amountMicro),
  action,
  description,
  shown_in_ms: Math.max(0, times.shownFromMs - times.requestedAtMs),
});

/** The request that the user has to answer now, if there is one. @param nowMs by the store's clock */
export function askedNow({ pending }: Session, nowMs: number): AskedRequest | undefined {
  if (pending?.stage !== 'asked') return undefined;
  return { ...askedRequest(pending), shown_in_ms: Math.max(0, pending.shownFromMs - nowMs) };
}
