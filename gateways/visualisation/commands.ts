import { randomUUID } from 'node:crypto';
import type {
  ControlAnswer,
  ControlCall,
  ControlCaller,
  ControlForGateways,
  ControlRefusal,
} from '../../channels/control/port.ts';
import { type Log, type Refusal, Unavailable } from '../../server/index.ts';
import { type ClientMessage, readMessage } from './client_frames.ts';
import type { Viewer } from './connect.ts';
import type { WireError } from './errors.ts';

/** Who commands. */
export type Commander = ControlCaller;

/** Apps only look on, and are not let in where commands are taken. */
export const isCommander = (viewer: Viewer): viewer is Viewer & Commander => viewer.kind !== 'app';

/** Starts coordinations: the part of that domain that this gateway uses. */
export interface CoordinationsPort {
  initiate(
    caller: Commander,
    payload: unknown,
  ): Promise<{ readonly ok: true; readonly coordination: object } | Refusal>;
}

/** What carries the answers. */
export interface AnswersOut {
  /** Tells a result. @param id of the message that it answers */
  result(type: string, id: string | undefined, payload: object): void;
  error(error: WireError): void;
}

export interface CommandsOptions {
  readonly control: ControlForGateways;
  readonly coordinations: CoordinationsPort;
  readonly log: Log;
}

export const COMMAND_TYPES: ReadonlySet<string> = new Set([
  'control.execute',
  'control.multi-agent.configure',
  'coordination.initiate',
]);

/** Commands of one socket that wait for their turn, their text in characters, and those whose outcome is awaited. */
const MAX_WAITING = 200;
const MAX_WAITING_LENGTH = 256 * 1_024;
const MAX_OPEN = 200;
const TRY_AGAIN_MS = 1_000;

/** A command that waits, as it came: what JSON can be read to takes many times its text. */
interface Waiting {
  readonly text: string;
  readonly level: number;
  /** By `performance.now()`. */
  readonly staleAtMs: number;
}

/**
 * Carries out what one socket commands, one after the other, so that an agent gets its commands in the order in which they came.
 * A command has its turn until it is accepted or refused; its outcome comes when it comes.
 */
export class Commands {
  readonly #commander: Commander;
  readonly #out: AnswersOut;
  readonly #options: CommandsOptions;
  readonly #waiting: Waiting[] = [];
  #waitingLength = 0;
  readonly #open = new Set<ControlCall>();
  #isBusy = false;
  #isClosed = false;

  constructor(commander: Commander, out: AnswersOut, options: CommandsOptions) {
    this.#commander = commander;
    this.#out = out;
    this.#options = options;
  }

  /** Takes a command: behind those of its priority that wait. @param text as it came */
  take(message: ClientMessage, text: string): void {
    if (!this.#isBusy) return void this.#work(message);
    const isFull = this.#waiting.length >= MAX_WAITING || this.#waitingLength + text.length > MAX_WAITING_LENGTH;
    if (isFull) return this.#refuseForNow(message);
    const { level, ttlMs } = message;
    const behind = this.#waiting.findLastIndex((waiting) => waiting.level <= level);
    this.#waiting.splice(behind + 1, 0, { text, level, staleAtMs: performance.now() + ttlMs });
    this.#waitingLength += text.length;
  }

  /** Stops telling outcomes: whoever connects again and sends the same finds them. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    for (const call of this.#open) call.stop();
  }

  async #work(first: ClientMessage): Promise<void> {
    this.#isBusy = true;
    for (let message: ClientMessage | undefined = first; message; message = this.#next()) {
      try {
        await this.#carryOut(message);
      } catch (error) {
        this.#failed(message, error);
      }
      if (this.#isClosed) return;
    }
    this.#isBusy = false;
  }

  /** The one whose turn it is, of those that are not too old. */
  #next(): ClientMessage | undefined {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const { text, staleAtMs } = next;
      this.#waitingLength -= text.length;
      const read = performance.now() > staleAtMs ? undefined : readMessage(text);
      if (read?.ok) return read.message;
    }
    return undefined;
  }

  #carryOut(message: ClientMessage): Promise<void> {
    if (message.type === 'control.execute') return this.#execute(message);
    return message.type === 'coordination.initiate' ? this.#initiate(message) : this.#configure(message);
  }

  /** Resolves when it is accepted or refused. Nothing of it but its id is kept until its outcome comes, which may take minutes. */
  async #execute(message: ClientMessage): Promise<void> {
    const { id, type, payload } = message;
    if (id === undefined) {
      return this.#out.error({
        code: 'INVALID_MESSAGE',
        message: 'id must be given: it names the request.',
        component: 'control',
        path: '/id',
      });
    }
    if (this.#open.size >= MAX_OPEN) return this.#refuseForNow(message);
    const turn = newTurn();
    const call = this.#options.control.execute(this.#commander, { id, payload }, this.#teller(id, turn.over));
    this.#mind(call, { id, type }, turn.over);
    await turn.isOver;
  }

  #teller(id: string, taken: () => void): (answer: ControlAnswer) => void {
    return (answer) => {
      this.#tell(id, answer);
      taken();
    };
  }

  #mind(call: ControlCall, request: Pick<ClientMessage, 'id' | 'type'>, taken: () => void): void {
    this.#open.add(call);
    void call.done
      .catch((error: unknown) => this.#failed(request, error))
      .finally(() => {
        this.#open.delete(call);
        taken();
      });
  }

  #tell(id: string, answer: ControlAnswer): void {
    if (this.#isClosed) return;
    switch (answer.kind) {
      case 'accepted': {
        const { requestId, targetAgent } = answer;
        return this.#out.result('control.accepted', id, { requestId, targetAgent });
      }
      case 'completed': {
        const { requestId, targetAgent, result, expired, durationMs } = answer;
        const payload = { requestId, targetAgent, status: 'completed', result, expired, durationMs };
        return this.#out.result('control.result', id, payload);
      }
      case 'refused':
        return this.#out.error(refusedByControl(answer, id));
    }
  }

  async #configure({ id, payload }: ClientMessage): Promise<void> {
    const answer = await this.#options.control.configure(this.#commander, payload);
    if (this.#isClosed) return;
    if (!('ok' in answer)) return this.#out.error(refusedByControl(answer, id));
    const { multiAgentId, version, configuration, members } = answer;
    const configured = { 'multi-agentId': multiAgentId, version, configuration, members };
    this.#out.result('control.multi-agent.configured', id, configured);
  }

  async #initiate({ id, payload }: ClientMessage): Promise<void> {
    const answer = await this.#options.coordinations.initiate(this.#commander, payload ?? {});
    if (this.#isClosed) return;
    if (!answer.ok) return this.#out.error(refusedByCoordination(answer, id));
    const { coordinationId, pattern, initiator, participants, parameters } = answer.coordination as Fields;
    this.#out.result('coordination.initiated', id, { coordinationId, pattern, initiator, participants, parameters });
  }

  #refuseForNow({ id }: ClientMessage): void {
    this.#out.error({
      code: 'RATE_LIMIT_EXCEEDED',
      message: 'Too many commands are under way: wait, then send it again.',
      component: 'control',
      requestId: id,
      retryAfterMs: TRY_AGAIN_MS,
    });
  }

  #failed({ id, type }: Pick<ClientMessage, 'id' | 'type'>, error: unknown): void {
    const incident = randomUUID();
    const isAway = error instanceof Unavailable;
    const { log } = this.#options;
    if (isAway) log.warn({ err: error, type, incident }, 'a command was not carried out, or is not known to be');
    else log.error({ err: error, type, incident }, 'a command failed');
    if (this.#isClosed) return;
    this.#out.error({
      code: 'INTERNAL_ERROR',
      message: isAway ? 'Out of reach: what became of it is not known.' : 'An error of the server.',
      component: type.startsWith('control') ? 'control' : 'coordination',
      requestId: id,
      incident,
    });
  }
}

function newTurn() {
  let over = () => {};
  const isOver = new Promise<void>((resolve) => {
    over = resolve;
  });
  return { over, isOver };
}

type Fields = Readonly<Record<string, unknown>>;

function refusedByControl(refusal: ControlRefusal, requestId: string | undefined): WireError {
  const { code, message, reason, path, retryAfterMs, agentError } = refusal;
  return { code, message, component: 'control', requestId, reason, path, retryAfterMs, more: { ...agentError } };
}

/** The codes of this wire for what HTTP clients get as reasons. */
const CODES = {
  invalid_payload: 'INVALID_MESSAGE',
  payload_too_large: 'INVALID_MESSAGE',
  conflict: 'INVALID_MESSAGE',
  not_found: 'AGENT_NOT_FOUND',
  rate_limited: 'RATE_LIMIT_EXCEEDED',
} as const satisfies Record<string, WireError['code']>;

function refusedByCoordination({ reason, message, details }: Refusal, requestId: string | undefined): WireError {
  const code = Object.entries(CODES).find(([name]) => name === reason)?.[1] ?? 'COMMAND_FAILED';
  const first: unknown = Array.isArray(details) ? details[0] : details;
  const { path, field, status, retry_after_ms: retryAfterMs } = (first ?? {}) as Fields;
  const isSuspended = status === 'suspended';
  const at = typeof path === 'string' ? path : typeof field === 'string' ? `/${field}` : undefined;
  return {
    code,
    message,
    component: 'coordination',
    requestId,
    reason: isSuspended ? 'agent_suspended' : reason,
    path: at === undefined ? undefined : `/payload${at}`,
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
  };
}
