// First: the native parts of another Node.js cannot be loaded.
import '../demand_supported_node.ts';

import {
  App,
  type HttpRequest,
  type HttpResponse,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from 'uWebSockets.js';
import { type Log, silentLog } from '../log.ts';
import { boundReceiveBuffer } from '../transport/receive_buffer.ts';

export interface ListenerOptions {
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly log?: Log;
}

/** Answers a request; uWebSockets.js' request object is gone once it returns. */
export type Respond = (res: HttpResponse, req: HttpRequest) => void;

/** uWebSockets.js' LIBUS_LISTEN_EXCLUSIVE_PORT. */
const EXCLUSIVE_PORT = 1;

/** An address on which nothing can listen here. */
export class AddressUnavailable extends Error {
  override readonly name = 'AddressUnavailable';

  /** @param variables those that set it, for the message */
  constructor(host: string, port: number, variables: readonly string[] = ['PORT', 'HOST']) {
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    super(
      `cannot listen on ${address}: the address is in use, or not one of this machine; set ${variables.join(' or ')}`,
    );
  }
}

/**
 * The port of a process, and who answers there. That may change while it listens: so a process can answer while it starts,
 * and no client finds the port closed between that and the endpoint.
 */
export class Listener {
  readonly app: TemplatedApp;
  readonly #log: Log;
  #respond: Respond;
  #socket: us_listen_socket | undefined;
  #port: number | undefined;

  constructor({ tls, log = silentLog }: ListenerOptions, respond: Respond) {
    this.#log = log;
    this.app = tls ? SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile }) : App();
    this.#respond = respond;
    this.app.any('/*', (res, req) => this.#respond(res, req));
  }

  /** `undefined` until it listens. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Resolves to the port. @throws AddressUnavailable */
  async listen(host: string, port: number): Promise<number> {
    const listensOn = await this.#listen(host, port);
    this.#port = listensOn;
    const isBounded = await boundReceiveBuffer(listensOn).catch(() => false);
    if (!isBounded)
      this.#log.warn(
        { port: listensOn },
        'cannot bound receive buffers on this system: a fast client can delay others',
      );
    return listensOn;
  }

  #listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      // Otherwise two servers would share the port, and each get some of the clients. The types leave this form out.
      const listen = this.app.listen as unknown as ExclusiveListen;
      listen.call(this.app, host, port, EXCLUSIVE_PORT, (socket) => {
        if (!socket) return reject(new AddressUnavailable(host, port));
        this.#socket = socket;
        resolve(us_socket_local_port(socket as never));
      });
    });
  }

  /** Has every later request answered by `respond`, on connections that are open already too. */
  handOver(respond: Respond): void {
    this.#respond = respond;
  }

  /** Stops to listen and closes all connections. */
  close(): void {
    if (this.#socket) us_listen_socket_close(this.#socket);
    this.#socket = undefined;
    this.app.close();
  }
}

type ExclusiveListen = (
  host: string,
  port: number,
  options: typeof EXCLUSIVE_PORT,
  listening: (socket: us_listen_socket | false) => void,
) => TemplatedApp;
