import { WebSocketConnection } from './websocket.ts';

export type OnNotification = (method: string, params: unknown) => void;

/** A client of `/rpc`: JSON-RPC over a WebSocket. */
export class RpcSocket {
  readonly #connection: WebSocketConnection;
  readonly #awaited = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #id = 0;

  private constructor(port: number, opened: () => void, onNotification: OnNotification) {
    this.#connection = new WebSocketConnection(port, '/rpc', {
      onOpen: opened,
      onText: (bytes, start, end) => {
        const { id, result, error, method, params } = JSON.parse(bytes.toString('utf8', start, end));
        if (id === undefined) return onNotification(method, params);
        const awaited = this.#awaited.get(id);
        this.#awaited.delete(id);
        if (error) awaited?.reject(new Error(JSON.stringify(error)));
        else awaited?.resolve(result);
      },
      onClosed: (cause) => {
        throw new Error(`a connection was lost: ${cause}`);
      },
    });
  }

  static open(port: number, onNotification: OnNotification = () => {}): Promise<RpcSocket> {
    return new Promise((resolve) => {
      const socket: RpcSocket = new RpcSocket(port, () => resolve(socket), onNotification);
    });
  }

  call<Result>(method: string, params: object): Promise<Result> {
    return new Promise((resolve, reject) => {
      const id = ++this.#id;
      this.#awaited.set(id, { resolve: (result) => resolve(result as Result), reject });
      this.#connection.sendText(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }
}
