import { EventEmitter, once } from 'node:events';
import WebSocket from 'ws';
import { fail, reasonOf } from '../environment.ts';

/** An answer has an `id`. */
type Frame = Readonly<{ id?: number; result?: unknown; error?: RpcError }>;
type RpcError = Readonly<{ message: string; data?: { error?: { _tag: string; data?: { reason?: string } } } }>;

/** A socket of an app at `/rpc`. */
export class Rpc {
  readonly socket: WebSocket;
  readonly #answers = new EventEmitter();
  #lastId = 0;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('message', (data) => {
      const frame = JSON.parse(`${data}`) as Frame;
      this.#answers.emit(`${frame.id}`, frame);
    });
    this.socket.on('error', (error) => fail(`${url}: ${reasonOf(error)}`));
    this.socket.on('close', (code) => code === 1005 || fail(`${url}: closed by the server with ${code}`));
  }

  /** Says whose socket it is, once it is open. */
  async connect(appKey: string): Promise<this> {
    await once(this.socket, 'open');
    await this.call('app/network/connect', { appKey, minProtocol: '2026.0.0', maxProtocol: '2026.9999.0' });
    return this;
  }

  /** @throws Error that tells the method, the tag of the server's error and its reason */
  async call(method: string, params: object): Promise<unknown> {
    const id = ++this.#lastId;
    this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    const [{ result, error }] = (await once(this.#answers, `${id}`)) as [Frame];
    if (!error) return result;
    const { _tag = error.message, data } = error.data?.error ?? {};
    throw new Error([method, _tag, data?.reason].filter(Boolean).join(': '));
  }
}
