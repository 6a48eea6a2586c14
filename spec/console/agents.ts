import { type Aerie, registerAgent } from '../support/aerie.ts';
import { Client, type Topic } from '../support/official_client.ts';

/** An agent at work, as the console shows it. */
export interface WorkingAgent {
  readonly id: string;
  readonly name: string;
  readonly apiKey: string;
  readonly client: Client;
  readonly lobby: Topic;
}

/** Registers an agent, connects it, and has it on `agents:discovery` with what it can do. */
export async function arrive(aerie: Aerie, name: string, fields: object = {}, capability = 'chart') {
  const { id, apiKey } = await registerAgent(aerie, { name, ...fields });
  const client = new Client(aerie.url, { params: { api_key: apiKey } });
  const lobby = await client.join('agents:discovery');
  await lobby.push('announce', { capabilities: [{ name: capability, price: '0.02' }] });
  return { id, name, apiKey, client, lobby } satisfies WorkingAgent;
}

/** Has one agent ask another for something; the provider has started. */
export async function startTask(aerie: Aerie, client: WorkingAgent, provider: WorkingAgent) {
  const body = { provider_agent_id: provider.id, capability: 'chart', price: '0.02' };
  const made = await aerie.call<{ task: { id: string } }>('POST', '/api/tasks', client.apiKey, body);
  const { id } = made.body.task;
  const asked = await client.client.join(`task:${id}`);
  const working = await provider.client.join(`task:${id}`);
  await working.push('progress', { percent: 10 });
  return { id, asked, working };
}
