import { connect, type Socket } from 'node:net';

const END_OF_HEAD = '\r\n\r\n';

interface Awaited {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** One HTTP connection that stays open, with one request at a time: a poller's. Answers have a length. */
export class HttpLine {
  readonly #socket: Socket;
  readonly #port: number;
  #read = Buffer.alloc(0);
  #awaited: Awaited | undefined;

  constructor(port: number) {
    this.#port = port;
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (data) => {
      this.#read = this.#read.length === 0 ? data : Buffer.concat([this.#read, data]);
      this.#look();
    });
    this.#socket.on('error', (error) => this.#awaited?.reject(error));
    this.#socket.on('close', () => this.#awaited?.reject(new Error('an HTTP connection was closed')));
  }

  /** @returns the answer's body. @throws Error unless it is 200 */
  ask(method: 'GET' | 'POST', path: string, body = ''): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#awaited = { resolve, reject };
      const length =
        method === 'POST'
          ? `Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
          : '';
      this.#socket.write(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\n${length}\r\n${body}`);
    });
  }

  #look(): void {
    const end = this.#read.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#read.toString('latin1', 0, end);
    const start = end + END_OF_HEAD.length;
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (this.#read.length < start + length) return;
    const body = this.#read.subarray(start, start + length);
    this.#read = this.#read.subarray(start + length);
    const awaited = this.#awaited;
    this.#awaited = undefined;
    if (head.startsWith('HTTP/1.1 200')) awaited?.resolve(body);
    else awaited?.reject(new Error(`HTTP: ${head.slice(0, head.indexOf('\r\n'))} ${body}`));
  }
}
