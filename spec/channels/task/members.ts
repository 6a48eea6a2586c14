import { createHash } from 'node:crypto';
import { ADMIN_TOKEN, type Address, type Aerie, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { onEveryDeploymentWith } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';

export interface Pushed {
  readonly chunk: string;
  readonly seq: number;
}

export interface JoinAnswer {
  readonly task: Record<string, unknown>;
  readonly role: string;
  readonly streams: Record<'input' | 'output', object>;
  readonly checkpoint: object | null;
}

export const sha256 = (chunks: readonly string[]) => createHash('sha256').update(chunks.join('')).digest('hex');
export const completionOf = (chunks: readonly string[]) => ({
  checksum: sha256(chunks),
  total_size: Buffer.byteLength(chunks.join('')),
});

/** Two agents with a task between them. */
export interface Pair {
  readonly id: string;
  readonly client: TestAgent;
  readonly provider: TestAgent;
}

export async function makeTask(aerie: Address, fields: object = {}): Promise<Pair> {
  const [client, provider] = await Promise.all([registerAgent(aerie), registerAgent(aerie)]);
  return { id: await taskFor(aerie, client, provider, fields), client, provider };
}

export async function taskFor(aerie: Address, client: TestAgent, provider: TestAgent, fields: object = {}) {
  const answer = await aerie.call<{ task: { id: string } }>('POST', '/api/tasks', ADMIN_TOKEN, {
    client_agent_id: client.id,
    provider_agent_id: provider.id,
    ...fields,
  });
  if (answer.status !== 201) throw new Error(`no task: ${JSON.stringify(answer)}`);
  return answer.body.task.id;
}

export const chunksOf = (topic: Topic, event = 'output_stream') => topic.events(event) as Pushed[];
export const seqsOf = (topic: Topic, event?: string) => chunksOf(topic, event).map(({ seq }) => seq);

/** Pushes chunks 0, 1, … without waiting in between; resolves when all are acknowledged. */
export const stream = (topic: Topic, chunks: readonly string[], event = 'output_stream', from = 0) =>
  Promise.all(chunks.map((chunk, at) => topic.push(event, { chunk, seq: from + at })));

export interface Stage {
  /** The first node, and the last: another one where there are two. */
  readonly here: Aerie;
  readonly there: Aerie;
  enter(node: Aerie, agent: TestAgent, taskId: string, params?: object): Promise<Topic>;
  client(node: Aerie, agent: TestAgent): Client;
}

/** Runs the same examples on a stage of every deployment. */
export function onEveryStage(title: string, examples: (stage: Stage) => void, env: Record<string, string> = {}) {
  onEveryDeploymentWith({ HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', ...env }, title, (deployment) => {
    let clients: Client[] = [];

    beforeEach(() => {
      clients = [];
    });
    afterEach(() => Promise.all(clients.map((client) => client.close())));

    const client = (aerie: Aerie, agent: TestAgent) => {
      const made = new Client(aerie.url, { params: { api_key: agent.apiKey } });
      clients.push(made);
      return made;
    };
    examples({
      get here() {
        return deployment().here;
      },
      get there() {
        return deployment().there;
      },
      client,
      enter: (aerie, agent, taskId, params = {}) => client(aerie, agent).join(`task:${taskId}`, params),
    });
  });
}

export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (answer) => ({ accepted: answer }),
    (refused: unknown) => refused,
  );

/** Nothing else comes: a later push of the same server to the same topic is the next thing heard. */
export async function settled(topic: Topic, count: number, event = 'output_stream') {
  await eventually(() => expect(topic.events(event).length).toBeGreaterThanOrEqual(count), 10_000);
  expect(topic.events(event)).toHaveLength(count);
}
