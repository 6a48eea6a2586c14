import type { Abortable } from './abort.ts';
import { FIRST_ANSWER_MS, Http } from './http.ts';
import { newId } from './ids.ts';
import type { AgentProfile, AnnouncedCapability } from './wire.ts';

export interface RegisterOptions extends Abortable {
  readonly url: string;
  /** The operator's token; or the API key of a user, who then owns the agent. */
  readonly adminToken?: string;
  readonly userKey?: string;
  readonly name: string;
  /** Base64 of 32 bytes: `publicKeyOf(signingKey)`. */
  readonly publicKey: string;
  readonly capabilities?: readonly AnnouncedCapability[];
  readonly id?: string;
  readonly fetch?: typeof fetch;
}

export interface Registered {
  readonly agent: AgentProfile;
  /** The agent's credential; not shown again. */
  readonly apiKey: string;
}

/**
 * Makes an agent. Where the answer was lost the agent is there and its key is not shown again: then a new key is made for it.
 *
 * @throws AerieError: `unauthorized`, `forbidden`, `invalid_payload`, `conflict` (the id is another's), `unavailable` (no answer within
 *         10 s, unless a `signal` was given)
 */
export async function register(options: RegisterOptions): Promise<Registered> {
  const { adminToken, userKey = '', id = newId(), name, publicKey, capabilities, signal } = options;
  const http = new Http({ ...options, credential: adminToken ?? userKey });
  const patience = { signal, patienceMs: signal ? undefined : FIRST_ANSWER_MS };
  const body = { id, name, public_key: publicKey, capabilities };
  const made = await http.call<Partial<Key> & Made>('POST', '/api/agents', { body, ...patience });
  const newKey = { body: {}, ...patience };
  const apiKey = made.api_key ?? (await http.call<Key>('POST', `/api/agents/${id}/keys`, newKey)).api_key;
  return { agent: made.agent, apiKey };
}

interface Key {
  readonly api_key: string;
}
interface Made {
  readonly agent: AgentProfile;
}
