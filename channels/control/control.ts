import { randomUUID } from 'node:crypto';
import type { Log } from '../../server/index.ts';
import { isId } from '../kernel/ids.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { Agent } from '../principals/agent.ts';
import type { Agents } from '../principals/principals.ts';
import { accepted, invalid, outcomeOf, refused } from './answers.ts';
import type { CallbackHosts } from './callback_hosts.ts';
import { keyOf, nameOf } from './caller.ts';
import { MAX_OPEN } from './open_requests.ts';
import type { Outcomes } from './outcomes.ts';
import type { ControlAnswer, ControlCall, ControlCaller, ControlRefusal, ControlRequest } from './port.ts';
import type { KnownRequest, Requests } from './requests.ts';
import { type ExecutePayload, readExecute } from './schema.ts';

/** The event `control` on `agent:*`. */
export interface HandedCommand {
  readonly request_id: string;
  readonly command: string;
  readonly parameters: object;
  readonly timeout_ms: number;
  readonly requested_by: string;
}

export interface ControlOptions {
  readonly requests: Requests;
  readonly outcomes: Outcomes;
  readonly agents: Pick<Agents, 'read'>;
  readonly hosts: CallbackHosts;
  /** True for an agent of somebody else that this caller sees in part (VISUALISATION.md, 9.1). */
  readonly isSeen: (caller: ControlCaller, agentId: string) => Promise<boolean>;
  /** Sockets on `agent:{id}` over all nodes. @throws NodesUnavailable */
  readonly socketsOf: (agentId: string) => Promise<number>;
  /** Pushes to all sockets of an agent, on all nodes. */
  readonly handOver: (agentId: string, command: HandedCommand) => void;
  /** Told after a command was handed over, as its agent may have left in that moment. */
  readonly onHandedOver: (agentId: string) => void;
  readonly log: Log;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_ID_LENGTH = 128;
/** Pause that is asked of a caller with too many open requests. */
const RETRY_AFTER_MS = 1_000;

type Found = { readonly request: KnownRequest } | ControlRefusal;

/** Commands of users and the admin for agents: each handed over at most once (VISUALISATION.md, 9.8). */
export class Control {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** See `ControlForGateways`. Of what was received nothing is kept until the outcome comes. */
  execute(caller: ControlCaller, request: ControlRequest, tell: (answer: ControlAnswer) => void): ControlCall {
    return this.#answered(nameOf(caller), request.id, this.#find(caller, request), tell);
  }

  #answered(by: string, id: string, finding: Promise<Found>, tell: (answer: ControlAnswer) => void): ControlCall {
    let isStopped = false;
    let onStop = () => {};
    const tellUnlessStopped = (answer: ControlAnswer) => {
      if (!isStopped) tell(answer);
    };
    const run = async () => {
      const found = await finding;
      if ('kind' in found) return tellUnlessStopped(found);
      tellUnlessStopped(accepted(found.request));
      if (isStopped) return;
      const ended = await new Promise<KnownRequest | undefined>((resolve) => {
        onStop = this.#follow(by, id, found.request, resolve);
      });
      const outcome = ended && outcomeOf(ended);
      if (outcome) tellUnlessStopped(outcome);
    };
    return {
      done: run(),
      stop() {
        isStopped = true;
        onStop();
      },
    };
  }

  /** Calls back with the request once it has ended, or with nothing once stopped. @returns a stop */
  #follow(by: string, id: string, request: KnownRequest, ended: (request: KnownRequest | undefined) => void) {
    if (request.outcome) {
      ended(request);
      return () => {};
    }
    const stop = this.#options.outcomes.await(keyOf(by, id), request.dueAtMs - request.handedOverAtMs, ended);
    return () => {
      stop();
      ended(undefined);
    };
  }

  /** The request as it stands under its id, handed over now if it was not before. */
  async #find(caller: ControlCaller, { id, payload: received }: ControlRequest): Promise<Found> {
    const by = nameOf(caller);
    const { requests, log } = this.#options;
    if (typeof id !== 'string' || id.length < 1 || id.length > MAX_ID_LENGTH || !id.isWellFormed()) {
      log.info({ by }, 'control.execute without a valid id');
      return refused('INVALID_MESSAGE', `id must have 1 to ${MAX_ID_LENGTH} characters.`, { path: '/id' });
    }
    const read = readExecute(received);
    if (!read.ok) {
      log.info({ by }, 'control.execute with an invalid payload');
      return invalid(read);
    }
    const { payload } = read;
    log.info({ by, target: payload.targetAgent.slice(0, MAX_ID_LENGTH), command: payload.command }, 'control.execute');
    const key = keyOf(by, id);
    const digest = digestOf(by, payload);
    const known = await requests.read(key);
    if (known) return sameOrRefused(known, digest);

    const refusal = await this.#refusalOf(caller, key, payload);
    if (refusal) return refusal;
    const taken = await requests.open.take(by, key);
    if (!taken.ok) return tooMany;
    return this.#handOver(by, key, digest, payload);
  }

  async #handOver(by: string, key: string, digest: string, payload: ExecutePayload): Promise<Found> {
    const { targetAgent, command, parameters = {}, timeout = DEFAULT_TIMEOUT_MS, callback } = payload;
    const { requests, handOver, onHandedOver } = this.#options;
    const requestId = randomUUID();
    const applied = await requests.handOver(key, {
      type: 'hand_over',
      terms: { requestId, by, targetAgent, digest },
      timeoutMs: timeout,
      callback: callback
        ? { url: callback.url, ...(callback.secret !== undefined && { secret: callback.secret }) }
        : null,
    });
    if (!applied.ok) return otherPayload;
    // Committed before it is pushed: who dies in between has handed over, as nobody could know that the agent did not get it.
    if (applied.events.length > 0) {
      handOver(targetAgent, { request_id: requestId, command, parameters, timeout_ms: timeout, requested_by: by });
      onHandedOver(targetAgent);
    }
    const request = applied.events.length > 0 && applied.state ? applied.state : await requests.read(key);
    return request ? sameOrRefused({ resultExpired: false, ...request }, digest) : otherPayload;
  }

  /** All that may stand against a command which was not handed over yet, in the contract's order. */
  async #refusalOf(caller: ControlCaller, key: string, payload: ExecutePayload): Promise<ControlRefusal | undefined> {
    const { targetAgent: id, callback } = payload;
    const { agents, hosts, isSeen, requests, socketsOf } = this.#options;
    const agent = isId(id) ? await agents.read(id) : undefined;
    if (!agent) return unknownAgent(id);
    if (!owns(caller, agent)) {
      if (!(await isSeen(caller, id))) return unknownAgent(id);
      return refused('COMMAND_FAILED', 'This agent is not yours to command.', { reason: 'forbidden' });
    }
    if (callback && !hosts.target(callback.url)) {
      return refused('INVALID_MESSAGE', 'callback.url must be an address that this server may call.', {
        path: '/payload/callback',
      });
    }
    if (!(await requests.open.hasRoom(nameOf(caller), key))) return tooMany;
    if (agent.status === 'suspended') {
      return refused('COMMAND_FAILED', 'The agent is suspended.', { reason: 'agent_suspended' });
    }
    if ((await socketsOf(id)) > 0) return undefined;
    return refused('COMMAND_FAILED', `No socket of the agent is on agent:${id}.`, { reason: 'agent_offline' });
  }
}

const tooMany = refused('RATE_LIMIT_EXCEEDED', `At most ${MAX_OPEN} requests may be open at a time.`, {
  retryAfterMs: RETRY_AFTER_MS,
});
const otherPayload = refused(
  'INVALID_MESSAGE',
  'This id names another request: repeat that unchanged, or choose another id.',
  {
    path: '/id',
  },
);

const unknownAgent = (id: string) =>
  refused('AGENT_NOT_FOUND', `Agent with ID '${id.slice(0, MAX_ID_LENGTH)}' not found.`);

const owns = (caller: ControlCaller, { userId }: Pick<Agent, 'userId'>) =>
  caller.kind === 'admin' || caller.id === userId;

const sameOrRefused = (request: KnownRequest, digest: string): Found =>
  request.digest === digest ? { request } : otherPayload;

/** The payload as it counts: an omitted field is its default. */
function digestOf(by: string, payload: ExecutePayload): string {
  const { targetAgent, command, parameters = {}, timeout = DEFAULT_TIMEOUT_MS, callback } = payload;
  return requestDigest(by, {
    targetAgent,
    command,
    parameters,
    timeout,
    callback: callback && { url: callback.url, secret: callback.secret },
  });
}
