import { EventEmitter, on, once } from 'node:events';
import WebSocket from 'ws';
import { fail, reasonOf } from '../environment.ts';

/** An answer has an `id`, a notification a `method`. */
type Frame = Readonly<{ id?: number; result?: unknown; error?: RpcError; method?: string; params?: unknown }>;
type RpcError = Readonly<{ message: string; data?: { error?: { _tag: string; data?: { reason?: string } } } }>;

/** A socket of one agent or app at `/rpc`. */
export class Rpc {
  readonly socket: WebSocket;
  readonly #frames = new EventEmitter();
  /** Keeps what was not asked for yet. */
  readonly #notifications = on(this.#frames, 'notification');
  #lastId = 0;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('message', (data) => {
      const frame = JSON.parse(`${data}`) as Frame;
      this.#frames.emit(frame.method ? 'notification' : `answer ${frame.id}`, frame);
    });
    this.socket.on('error', (error) => fail(`${url}: ${reasonOf(error)}`));
    this.socket.on('close', (code) => code === 1005 || fail(`${url}: closed by the server with ${code}`));
  }

  /** Says whose socket it is, once it is open. */
  async connect(kind: 'agent' | 'app', apiKey: string): Promise<this> {
    await once(this.socket, 'open');
    const versions = { minProtocol: '2026.0.0', maxProtocol: '2026.9999.0' };
    await this.call(`${kind}/network/connect`, { [`${kind}Key`]: apiKey, ...versions });
    return this;
  }

  /** @throws Error that tells the method, the tag of the server's error and its reason */
  async call<Result>(method: string, params: object): Promise<Result> {
    const id = ++this.#lastId;
    this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    const [{ result, error }] = (await once(this.#frames, `answer ${id}`)) as [Frame];
    if (!error) return result as Result;
    const { _tag = error.message, data } = error.data?.error ?? {};
    throw new Error([method, _tag, data?.reason].filter(Boolean).join(': '));
  }

  /** Takes the next notification, which is expected to be this one. */
  async hear<Params>(method: string): Promise<Params> {
    const [frame] = (await this.#notifications.next()).value as [Frame];
    if (frame.method !== method) throw new Error(`Expected ${method}, heard ${frame.method}.`);
    return frame.params as Params;
  }
}
