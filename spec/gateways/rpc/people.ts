import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, type Address, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, type SocketClient } from '../../support/frames.ts';

export interface TestApp {
  readonly id: string;
  readonly apiKey: string;
}

export async function registerApp(node: Address): Promise<TestApp> {
  const { body } = await node.call<{ app: { id: string }; api_key: string }>('POST', '/api/apps', ADMIN_TOKEN, {
    name: 'Team',
  });
  return { id: body.app.id, apiKey: body.api_key };
}

export const newAgent = (node: Address): Promise<TestAgent> => registerAgent(node, { id: randomUUID() });

export interface Team {
  readonly app: TestApp;
  readonly client: TestAgent;
  readonly provider: TestAgent;
  readonly taskId: string;
}

/** A task of an app between two agents. */
export async function makeTeam(node: Address): Promise<Team> {
  const [app, client, provider] = await Promise.all([registerApp(node), newAgent(node), newAgent(node)]);
  const taskId = randomUUID();
  const made = await node.call('POST', '/api/tasks', app.apiKey, {
    id: taskId,
    client_agent_id: client.id,
    provider_agent_id: provider.id,
  });
  if (made.status !== 201) throw new Error(`no task: ${JSON.stringify(made)}`);
  return { app, client, provider, taskId };
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly _tag?: string;
  readonly data?: { readonly error?: { readonly _tag: string; readonly data?: object; readonly principal?: string } };
}

export interface Frame {
  readonly jsonrpc: string;
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: RpcError;
}

/** A socket of the dialect. */
export class Rpc {
  readonly socket: SocketClient;
  #lastId = 0;

  constructor(socket: SocketClient) {
    this.socket = socket;
  }

  static async open(node: Address, path = '/rpc'): Promise<Rpc> {
    return new Rpc(await connect(`${node.url}${path}`));
  }

  /** Opens and connects an agent, or an app. */
  static async as(node: Address, { apiKey }: { readonly apiKey: string }, kind: 'agent' | 'app'): Promise<Rpc> {
    const rpc = await Rpc.open(node);
    const answer = await rpc.connect(kind, apiKey);
    if (answer.error) throw new Error(`not connected: ${JSON.stringify(answer)}`);
    return rpc;
  }

  connect(kind: 'agent' | 'app', key: string, minProtocol = '2026.1.0', maxProtocol = minProtocol): Promise<Frame> {
    return this.call(`${kind}/network/connect`, { [`${kind}Key`]: key, minProtocol, maxProtocol });
  }

  get frames(): Frame[] {
    return this.socket.frames.map((frame) => JSON.parse(String(frame)) as Frame);
  }

  send(frame: unknown): void {
    void this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  call(method: string, params: object): Promise<Frame> {
    const id = `call-${++this.#lastId}`;
    this.send({ jsonrpc: '2.0', id, method, params });
    return this.answer(id);
  }

  answer(id: unknown): Promise<Frame> {
    return eventually(() => {
      const found = this.frames.find((frame) => frame.id === id && frame.method === undefined);
      if (!found) throw new Error(`no answer to ${String(id)}: ${JSON.stringify(this.frames)}`);
      return found;
    });
  }

  /** Calls, and gives the tag of the error and its data. */
  async failure(method: string, params: object): Promise<{ tag: string | undefined; data: object | undefined }> {
    const { error } = await this.call(method, params);
    return { tag: error?.data?.error?._tag, data: error?.data?.error?.data };
  }

  /** Notifications so far, of one method or of all. */
  heard(method?: string): Frame[] {
    return this.frames.filter((frame) => frame.method !== undefined && (!method || frame.method === method));
  }
}
