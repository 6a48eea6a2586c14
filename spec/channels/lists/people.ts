import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, type Address, registerAgent, type TestAgent } from '../../support/aerie.ts';

export interface Page {
  readonly [name: string]: unknown;
  readonly next_cursor?: string;
}

interface Shown {
  readonly id: string;
}

/** The ids of all pages of a list, each page asked for with the cursor of the one before. */
export async function idsOf(node: Address, credential: string, path: string, name: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const joint = path.includes('?') ? '&' : '?';
    const { status, body } = await node.call<Page>('GET', `${path}${joint}cursor=${cursor}`, credential);
    expect([status, body]).toEqual([200, expect.objectContaining({ [name]: expect.any(Array) })]);
    ids.push(...(body[name] as Shown[]).map(({ id }) => id));
    if (body.next_cursor === undefined) return ids;
    cursor = body.next_cursor;
  }
}

export interface Owner {
  readonly id: string;
  readonly apiKey: string;
}

export async function register(node: Address, kind: 'user' | 'app'): Promise<Owner> {
  const id = `${kind}-${randomUUID()}`;
  const { body } = await node.call<{ api_key: string }>('POST', `/api/${kind}s`, ADMIN_TOKEN, { id, name: kind });
  return { id, apiKey: body.api_key };
}

export const suspend = (node: Address, agent: TestAgent) =>
  node.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'suspended' });

/** A user with two agents, another agent that deals with them, and one that has nothing to do with anybody. */
export async function cast(node: Address) {
  const [owner, rival, app] = [await register(node, 'user'), await register(node, 'user'), await register(node, 'app')];
  const ada = await registerAgent(node, { user_id: owner.id });
  const bob = await registerAgent(node, { user_id: owner.id });
  return { owner, rival, app, ada, bob, eve: await registerAgent(node), stranger: await registerAgent(node) };
}

export type Cast = Awaited<ReturnType<typeof cast>>;

export interface Made {
  readonly sessions: readonly string[];
  readonly channels: readonly string[];
  readonly tasks: readonly string[];
  readonly messages: readonly string[];
}

/** Something of each kind between each two, the newest first. */
export async function deals(node: Address, pairs: readonly (readonly [TestAgent, TestAgent])[]): Promise<Made> {
  const made = { sessions: [] as string[], channels: [] as string[], tasks: [] as string[], messages: [] as string[] };
  const post = async (path: string, credential: string, name: string, body: object) => {
    const answer = await node.call<Record<string, Shown>>('POST', path, credential, body);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer));
    return answer.body[name]?.id ?? '';
  };
  for (const [a, b] of pairs) {
    const both = { client_agent_id: a.id, provider_agent_id: b.id };
    made.tasks.unshift(await post('/api/tasks', ADMIN_TOKEN, 'task', both));
    made.sessions.unshift(await post('/api/negotiations', ADMIN_TOKEN, 'session', { ...both, base_price: '1' }));
    const terms = { agent_a: a.id, agent_b: b.id, deposit_a: '1', deposit_b: '1' };
    made.channels.unshift(await post('/api/payment_channels', ADMIN_TOKEN, 'channel', terms));
    const message = { to_agent_id: b.id, type: 'note', payload: { text: 'x' } };
    made.messages.unshift(await post('/api/messages', a.apiKey, 'message', message));
  }
  return made;
}
