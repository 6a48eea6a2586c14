import { payloadCheck, type Refusal } from '../../server/index.ts';
import { sizeRefusal } from '../kernel/fields.ts';
import { newId } from '../kernel/ids.ts';
import { KeyedQueue } from '../kernel/keyed_queue.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { Notifications } from '../messages/notifications.ts';
import type { Agent } from '../principals/agent.ts';
import type { Agents } from '../principals/principals.ts';
import type { Coordinations } from './coordinations.ts';
import { CoordinationRequest, DEFAULT_ROLE, DEFAULT_THRESHOLD, DEFAULT_TIMEOUT_MS, PROPOSAL_KIB } from './schema.ts';
import { type Coordination, isForgotten, type Terms } from './state.ts';
import { coordinationView } from './view.ts';

/** Whoever may initiate a coordination. */
export type CoordinationCaller = { readonly kind: 'admin' } | { readonly kind: 'user' | 'agent'; readonly id: string };

export type Initiated =
  | {
      readonly ok: true;
      /** As `GET /api/coordinations/{id}` has it. */
      readonly coordination: ReturnType<typeof coordinationView>;
      /** True if the same call had made it before. */
      readonly isRepeat: boolean;
    }
  | Refusal;

export interface InitiationOptions {
  readonly coordinations: Pick<Coordinations, 'read' | 'stored' | 'apply'>;
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly notifications: Pick<Notifications, 'announce'>;
}

const check = payloadCheck(CoordinationRequest);

/** Calls of one account that are under way or wait on a node. */
const MAX_WAITING = 100;
const RETRY_AFTER_MS = 1_000;

/** Makes coordinations, for whatever wire the call came by (VISUALISATION.md, section 9.7). */
export class Initiation {
  readonly #options: InitiationOptions;
  /** One after the other of each account: a hundred participants are some hundred commits. */
  readonly #turns = new KeyedQueue();
  readonly #waiting = new Map<string, number>();

  constructor(options: InitiationOptions) {
    this.#options = options;
  }

  /**
   * Makes a coordination from a payload as it came.
   *
   * Refusals: `invalid_payload` (`details`: places in the payload), `payload_too_large`, `not_found` (`details.field`, and
   * `details.agent_id`), `forbidden`, `conflict`, `inbox_full`, `rate_limited`.
   *
   * @throws StoreUnavailable the outcome is unknown: with its `id` the same call finds what it has made
   */
  async initiate(caller: CoordinationCaller, payload: unknown): Promise<Initiated> {
    const checked = check(payload);
    return checked.ok ? this.make(caller, checked.payload as CoordinationRequest) : checked;
  }

  /** As `initiate`, for a payload that has been checked by `CoordinationRequest`. */
  async make(caller: CoordinationCaller, request: CoordinationRequest): Promise<Initiated> {
    const by = caller.kind === 'admin' ? 'admin' : `${caller.kind}:${caller.id}`;
    const waiting = this.#waiting.get(by) ?? 0;
    if (waiting >= MAX_WAITING) return refuse('rate_limited', { retry_after_ms: RETRY_AFTER_MS });
    this.#waiting.set(by, waiting + 1);
    const turn = this.#turns.take(by);
    try {
      await turn.come;
      return await this.#make(caller, by, request);
    } finally {
      turn.done();
      this.#leave(by);
    }
  }

  #leave(by: string): void {
    const waiting = (this.#waiting.get(by) ?? 1) - 1;
    if (waiting > 0) this.#waiting.set(by, waiting);
    else this.#waiting.delete(by);
  }

  async #make(caller: CoordinationCaller, by: string, request: CoordinationRequest): Promise<Initiated> {
    const { coordinations, notifications } = this.#options;
    const initiatorId = initiatorOf(request) ?? (caller.kind === 'agent' ? caller.id : undefined);
    const unfit = fieldRefusal(request, initiatorId);
    if (unfit || initiatorId === undefined) return unfit ?? refuse('not_found');
    const initiator = await this.#options.agents.read(initiatorId);
    const unauthorized = authorityRefusal(caller, initiatorId, initiator);
    if (unauthorized) return unauthorized;

    const terms = termsOf(request, initiatorId, by);
    const made = request.id === undefined ? undefined : await coordinations.stored(terms.id);
    if (made) return isForgotten(made) || made.request !== terms.request ? refuse('conflict') : this.#repeat(made);
    const absent = await this.#agentRefusal(terms, initiator);
    if (absent) return absent;

    const told = [initiatorId, ...terms.participants.map(({ id }) => id)].filter(
      (id) => caller.kind !== 'agent' || id !== caller.id,
    );
    const notice = { type: 'aerie.coordination', thingId: terms.id, by, request: terms.request } as const;
    const initiated = await notifications.announce(notice, told, async (notices) => {
      const result = await coordinations.apply(terms.id, { type: 'initiate', terms, notices });
      return { result, kept: result.ok ? result.state.notices : [] };
    });
    if (!initiated.ok) return initiated;
    if (initiated.events.length === 0) return this.#repeat(initiated.state);
    return { ok: true, coordination: coordinationView(initiated.state), isRepeat: false };
  }

  /** What exists, as it is now. */
  async #repeat({ id }: Coordination): Promise<Initiated> {
    const coordination = await this.#options.coordinations.read(id);
    return coordination
      ? { ok: true, coordination: coordinationView(coordination), isRepeat: true }
      : refuse('conflict');
  }

  /** Refuses agents that are not there or suspended: the first of them, the initiator before the participants. */
  async #agentRefusal(
    { initiatorId, participants }: Terms,
    initiator: Agent | undefined,
  ): Promise<Refusal | undefined> {
    const ids = participants.map(({ id }) => id);
    const found = await this.#options.agents.readProfiles(ids);
    const named = [
      { field: 'initiator', id: initiatorId, agent: initiator },
      ...ids.map((id, at) => ({ field: `participants/${at}/id`, id, agent: found[at] })),
    ];
    for (const { field, id, agent } of named) {
      if (!agent) return refuse('not_found', { field, agent_id: id });
      if (agent.status === 'suspended') return refuse('forbidden', { field, agent_id: id, status: 'suspended' });
    }
    return undefined;
  }
}

function initiatorOf({ initiator }: CoordinationRequest): string | undefined {
  return typeof initiator === 'object' ? initiator.id : initiator;
}

/** Refuses what a schema cannot say. */
function fieldRefusal(request: CoordinationRequest, initiatorId: string | undefined): Refusal | undefined {
  if (initiatorId === undefined) return refuseField('/initiator', 'must be there when no agent initiates');
  const named = new Set([initiatorId]);
  for (const [at, { id }] of request.participants.entries()) {
    if (id === initiatorId) return refuseField(`/participants/${at}/id`, 'must be another agent than the initiator');
    if (named.has(id)) return refuseField(`/participants/${at}/id`, 'must not be named twice');
    named.add(id);
  }
  return sizeRefusal('/parameters/proposal', request.parameters.proposal, PROPOSAL_KIB);
}

/** An agent initiates for itself, a user for its agents, the admin for all. */
function authorityRefusal(
  caller: CoordinationCaller,
  initiatorId: string,
  initiator: Agent | undefined,
): Refusal | undefined {
  const named = { field: 'initiator', agent_id: initiatorId };
  if (caller.kind === 'agent') return caller.id === initiatorId ? undefined : refuse('forbidden', named);
  if (!initiator) return refuse('not_found', named);
  return caller.kind === 'admin' || initiator.userId === caller.id ? undefined : refuse('forbidden', named);
}

function termsOf(request: CoordinationRequest, initiatorId: string, by: string): Terms {
  const { pattern, parameters } = request;
  const fields = {
    pattern,
    initiatorId,
    participants: request.participants.map(({ id, role = DEFAULT_ROLE }) => ({ id, role })),
    consensusThreshold: parameters.consensusThreshold ?? DEFAULT_THRESHOLD,
    timeoutMs: parameters.timeout ?? DEFAULT_TIMEOUT_MS,
    proposal: parameters.proposal,
  };
  return { id: request.id ?? newId(), ...fields, request: requestDigest(by, fields) };
}
