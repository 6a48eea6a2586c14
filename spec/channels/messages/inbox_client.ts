import type { Aerie, TestAgent } from '../../support/aerie.ts';
import { Client, type Topic } from '../../support/official_client.ts';

export interface Arrived {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly from_agent_id: string | null;
  readonly protocol_version: string;
  readonly inserted_at: string;
}

export interface MessageView extends Arrived {
  readonly to_agent_id: string;
  readonly status: string;
  readonly reason: string | null;
}

export const topicOf = (agent: Pick<TestAgent, 'id'>) => `messages:${agent.id}`;

/** A client of an agent's inbox, on an AgentSocket or on a UserSocket. */
export async function joinInbox(
  node: Pick<Aerie, 'url' | 'call'>,
  agent: TestAgent,
  mount: '/socket' | '/user_socket' = '/socket',
) {
  const params =
    mount === '/socket' ? { api_key: agent.apiKey } : { agent_id: agent.id, token: await sessionToken(node, agent) };
  const client = new Client(node.url, { params }, mount);
  const topic = await client.join(topicOf(agent));
  return { client, topic };
}

export async function sessionToken(node: Pick<Aerie, 'call'>, { apiKey }: TestAgent): Promise<string> {
  const { body } = await node.call<{ token: string }>('POST', '/api/session_tokens', apiKey, {});
  return body.token;
}

export const arrived = (topic: Topic) => topic.events('new_message') as Arrived[];
export const idsArrived = (topic: Topic) => arrived(topic).map(({ id }) => id);
