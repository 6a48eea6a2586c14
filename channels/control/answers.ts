import type { Refusal } from '../../server/index.ts';
import type { ControlAnswer, ControlCode, ControlCompleted, ControlRefusal } from './port.ts';
import type { KnownRequest } from './requests.ts';
import type { FailureReason, HandedOver } from './state.ts';

const messages: Readonly<Record<FailureReason, string>> = {
  agent_error: 'The agent could not carry out the command.',
  timeout: 'The agent did not answer in time.',
  agent_disconnected: 'The agent was gone before it answered.',
};

export const refused = (
  code: ControlCode,
  message: string,
  details: Omit<ControlRefusal, 'kind' | 'code' | 'message'> = {},
): ControlRefusal => ({ kind: 'refused', code, message, ...details });

/** Refuses a payload for the first of its faults. */
export function invalid({ message, details }: Refusal): ControlRefusal {
  const [first] = (details ?? []) as readonly { readonly path?: string }[];
  return refused('INVALID_MESSAGE', message, { path: `/payload${first?.path ?? ''}` });
}

export const accepted = ({ requestId, targetAgent }: HandedOver): ControlAnswer => ({
  kind: 'accepted',
  requestId,
  targetAgent,
});

/** The answer to a request that has ended; undefined while it has not. */
export function outcomeOf(request: KnownRequest): ControlCompleted | ControlRefusal | undefined {
  const { outcome, requestId, targetAgent, handedOverAtMs, resultJson, resultExpired } = request;
  if (!outcome) return undefined;
  if (outcome.status === 'failed') {
    const { reason, agentError } = outcome;
    const message = agentError ? agentError.message : messages[reason];
    return refused('COMMAND_FAILED', message, { reason, ...(agentError && { agentError }) });
  }
  const durationMs = outcome.endedAtMs - handedOverAtMs;
  const result: unknown = resultExpired || resultJson === undefined ? null : JSON.parse(resultJson);
  return {
    kind: 'completed',
    requestId,
    targetAgent,
    result,
    ...(resultExpired && { expired: true as const }),
    durationMs,
  };
}

/** Body of the callback about an outcome. */
export function callbackBody(request: KnownRequest): object {
  const { requestId, targetAgent, handedOverAtMs, outcome } = request;
  const durationMs = (outcome?.endedAtMs ?? handedOverAtMs) - handedOverAtMs;
  const ended = outcomeOf(request);
  if (ended?.kind === 'completed') {
    return { requestId, targetAgent, status: 'completed', result: ended.result, durationMs };
  }
  const { reason, message, agentError } = ended ?? {};
  const error = { reason, message, ...(agentError?.code !== undefined && { code: agentError.code }) };
  return { requestId, targetAgent, status: 'failed', error, durationMs };
}
