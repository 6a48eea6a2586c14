import { type Agent, request } from 'node:http';
import { Endpoint } from '../../../server/endpoint/index.ts';
import { httpRouter, type RouterOptions } from '../../../server/http/router.ts';
import { silentLog } from '../../../server/index.ts';

export interface Serving {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  close(): void;
}

/** Serves a table of routes for real, on a free port. */
export async function serveRoutes<P>(
  options: Pick<RouterOptions<P>, 'routes' | 'authenticate'> & Partial<RouterOptions<P>>,
): Promise<Serving> {
  const endpoint = new Endpoint({
    mounts: [],
    log: silentLog,
    secret: 'a secret that all nodes of a spec share',
    limits: {
      maxFrameBytes: 524_288,
      maxBackpressureBytes: 1_048_576,
      maxBodyBytes: 1_048_576,
      maxChannelsPerSocket: 100,
      maxWaitingMessages: 100,
      maxWaitingBytes: 1_048_576,
    },
    http: httpRouter({
      origins: 'same_host',
      requests: undefined,
      accountOf: (principal) => JSON.stringify(principal),
      log: silentLog,
      ...options,
    }),
  });
  const port = await endpoint.listen('127.0.0.1', 0);
  return { url: `http://127.0.0.1:${port}`, close: () => endpoint.close() };
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** As `fetch`, but with any header (`Origin`, `Host`), and on a connection of its own unless an agent is given. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Keeps connections for the next request. */
  readonly agent?: Agent;
}

export function send(url: string, { method = 'GET', headers = {}, body = '', agent }: Sent = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: agent ?? false }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
