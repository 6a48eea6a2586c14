import { type Agent, type ConnectOptions, connect, memory, newSigningKey, publicKeyOf, register } from 'aerie-client';
import WebSocket from 'ws';
import { ADMIN_TOKEN } from '../support/aerie.ts';

export interface Registration {
  readonly id: string;
  readonly apiKey: string;
  readonly signingKey: Uint8Array;
}

/** Registers an agent as its author would. */
export async function registered(url: string, name = 'Ada'): Promise<Registration> {
  const signingKey = newSigningKey();
  const { agent, apiKey } = await register({ url, adminToken: ADMIN_TOKEN, name, publicKey: publicKeyOf(signingKey) });
  return { id: agent.id, apiKey, signingKey };
}

const connected = new Set<Agent>();

/** Connects; `closeAgents` closes. */
export async function connectAgent(
  url: string,
  { apiKey, signingKey }: Registration,
  options: Partial<ConnectOptions> = {},
): Promise<Agent> {
  const agent = await connect({
    url,
    credential: apiKey,
    signingKey,
    keep: memory(),
    WebSocket: WebSocket as never,
    ...options,
  });
  connected.add(agent);
  return agent;
}

/** To be called after each example. */
export async function closeAgents(): Promise<void> {
  const agents = [...connected];
  connected.clear();
  await Promise.all(agents.map((agent) => agent.close()));
}

/** The next value of an iterator. */
export async function next<T>(from: AsyncIterator<T>): Promise<T> {
  const { done, value } = await from.next();
  if (done) throw new Error('there is no next one');
  return value;
}

/** What a promise was rejected with. */
export const rejection = async (promise: Promise<unknown>): Promise<Error & Record<string, unknown>> =>
  promise.then(
    (value) => {
      throw new Error(`was not rejected, but resolved to ${JSON.stringify(value)}`);
    },
    (error) => error,
  );
