import { ADMIN_TOKEN, type Address, type Answer } from '../../support/aerie.ts';
import type { Topic } from '../../support/official_client.ts';
import type { Party } from '../deals/party.ts';

export interface CoordinationBody {
  readonly id: string;
  readonly coordinationId: string;
  readonly status: string;
  readonly progress: number;
  readonly votes: Readonly<Record<string, { readonly vote: string; readonly timestamp?: string }>>;
  readonly endedAt: string | null;
  readonly estimatedCompletion: string;
  readonly approved: number;
  readonly eligible: number;
  readonly parameters: { readonly proposal: unknown };
}

export interface Made {
  readonly coordination: CoordinationBody;
}

export interface Problem {
  readonly reason: string;
  readonly detail: string;
  readonly details?: object;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export type Duplicate = Made & { readonly duplicate?: true };

/** A request for CONSENSUS on a small proposal. */
export const request = (participants: readonly (Party | object)[], fields: object = {}, parameters: object = {}) => ({
  pattern: 'CONSENSUS',
  participants: participants.map((each) => ('agent' in each ? { id: (each as Party).id } : each)),
  parameters: { proposal: { do: 'it' }, ...parameters },
  ...fields,
});

/** Initiates by an agent. @throws Error unless it was made */
export async function initiate(by: Party, body: object): Promise<CoordinationBody> {
  const made = await by.call<Made>('POST', '/api/coordinations', body);
  if (made.status !== 201) throw new Error(`not initiated: ${JSON.stringify(made)}`);
  return made.body.coordination;
}

export const topicOf = ({ id }: { readonly id: string }) => `coordination:${id}`;

export const readCoordination = async (node: Address, id: string): Promise<CoordinationBody> =>
  (await node.call<Made>('GET', `/api/coordinations/${id}`, ADMIN_TOKEN)).body.coordination;

export const told = (topic: Topic, event: 'initiated' | 'progress' | 'ended') =>
  topic.events(`coordination.${event}`) as CoordinationBody[];

/** Registers a user or an app. */
export async function register(node: Address, kind: 'user' | 'app'): Promise<{ id: string; apiKey: string }> {
  const made: Answer<{ api_key: string } & Record<string, { id: string }>> = await node.call(
    'POST',
    `/api/${kind}s`,
    ADMIN_TOKEN,
    { name: 'Grace' },
  );
  const account = made.body[kind];
  if (typeof account !== 'object') throw new Error(`no ${kind}: ${JSON.stringify(made)}`);
  return { id: account.id, apiKey: made.body.api_key };
}
