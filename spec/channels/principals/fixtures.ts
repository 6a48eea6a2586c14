import type { Agent } from '../../../channels/principals/agent.ts';
import type { RegistrationFields } from '../../../channels/principals/decide.ts';
import { signingKeys } from '../../support/signing.ts';

export const newPublicKey = () => signingKeys().publicKey;

/** Fields for registering an agent; those not given have defaults. */
export function agentFields(fields: Partial<RegistrationFields<Agent>> = {}): RegistrationFields<Agent> {
  return {
    name: 'An agent',
    publicKey: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
    userId: null,
    capabilities: [],
    metadata: {},
    status: 'active',
    pinnedReputation: null,
    completed: 0,
    failed: 0,
    ...fields,
  };
}

let made = 0;
/** An id that no other example of this run uses. */
export const freshId = (word = 'x') => `${word}-${++made}`;

/** Resolves to the result of `promise`, which must not be a refusal. */
export async function accepted<T extends { readonly ok: boolean }>(promise: Promise<T>): Promise<T & { ok: true }> {
  const result = await promise;
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`);
  return result as T & { ok: true };
}
