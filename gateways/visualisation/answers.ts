import type { Static, TSchema } from 'typebox';
import type { payloadCheck } from '../../server/index.ts';
import { errorFrame } from './binary.ts';
import { type ClientMessage, faultOf, type MessageFault } from './client_frames.ts';
import { closeCodes } from './close_codes.ts';
import type { AnswersOut } from './commands.ts';
import type { Delivery } from './delivery.ts';
import { envelopeTail } from './envelope.ts';
import { type Component, type ErrorCode, errorPayload, type WireError } from './errors.ts';

export interface AnswersOptions {
  readonly delivery: Delivery;
  /** The store's clock. */
  readonly nowMs: () => number;
  /** Notes one that is not valid. @returns true if it was one too many */
  readonly countInvalid: () => boolean;
  readonly close: (code: number, reason: string) => void;
}

/** What one socket is told in answer to what it sends (VISUALISATION.md, section 9.9): never dropped. */
export class Answers implements AnswersOut {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  result(type: string, id: string | undefined, payload: object): void {
    this.#options.delivery.answer(this.#tail(type, id, payload, 'high'), { isCritical: false, type });
  }

  /** As an envelope, for no channel. */
  answer(type: string, id: string | undefined, payload: object): void {
    this.#options.delivery.answer(this.#tail(type, id, payload));
  }

  /** Without an envelope. */
  bare(message: object): void {
    this.#options.delivery.answerBare(JSON.stringify(message));
  }

  frame(bytes: Uint8Array): void {
    this.#options.delivery.answerBare(bytes);
  }

  error(error: WireError): void {
    const { requestId } = error;
    this.#options.delivery.answer(this.#tail('error', requestId, errorPayload(error), 'critical'));
    if (error.code === 'INVALID_MESSAGE') this.#countInvalid();
  }

  invalid(fault: MessageFault, component: Component = 'message'): void {
    this.error({ code: 'INVALID_MESSAGE', component, ...fault });
  }

  /** The fields of a message, if they are as they should be; else the client is told. */
  checked<S extends TSchema>(
    check: ReturnType<typeof payloadCheck>,
    { fields, fieldsPath, id }: ClientMessage,
    component: Component,
  ): Static<S> | undefined {
    const checked = check(fields);
    if (checked.ok) return checked.payload as Static<S>;
    this.invalid(faultOf(checked, fieldsPath, id), component);
    return undefined;
  }

  /** In binary. */
  errorFrame(code: ErrorCode, message: string): void {
    this.frame(errorFrame(code, message));
    if (code === 'INVALID_MESSAGE') this.#countInvalid();
  }

  tooEarly(requestId: string | undefined, retryAfterMs: number, component: Component = 'message'): void {
    const message = 'Too many messages: wait for retryAfterMs, then send it again.';
    this.error({ code: 'RATE_LIMIT_EXCEEDED', message, component, requestId, retryAfterMs });
  }

  /** Ends the socket for a message that may not be wrong. */
  endAsInvalid(fault: MessageFault): void {
    this.invalid(fault, 'connection');
    this.#options.close(closeCodes.protocol, 'invalid message');
  }

  endForVersion(requestId: string | undefined, supported: readonly string[]): void {
    const message = 'There is no common version.';
    this.error({ code: 'INVALID_MESSAGE', message, component: 'connection', requestId, more: { supported } });
    this.#options.close(closeCodes.noCommonVersion, 'no common version');
  }

  /** Past whatever waits: there is no later. */
  lastWords(code: 'CONNECTION_FAILED' | 'AUTH_FAILED', message: string): void {
    const payload = errorPayload({ code, message, component: 'connection' });
    this.#options.delivery.sendLast(this.#tail('error', undefined, payload, 'critical'));
  }

  #countInvalid(): void {
    if (this.#options.countInvalid()) this.#options.close(closeCodes.protocol, 'too many invalid messages');
  }

  #tail(type: string, correlationId: string | undefined, payload: object, priority?: 'high' | 'critical'): string {
    return envelopeTail({ type, atMs: this.#options.nowMs(), payload, correlationId, priority });
  }
}
