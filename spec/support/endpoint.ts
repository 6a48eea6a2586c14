import { Endpoint, type EndpointLimits, type EndpointOptions } from '../../server/endpoint/index.ts';
import { Hub } from '../../server/hub.ts';
import type { PubSub } from '../../server/pubsub/port.ts';
import type { Limits } from '../../server/runtime/context.ts';
import type { Opener } from '../../server/socket.ts';
import type { MountOptions } from '../../server/transport/mount.ts';

export interface Served {
  readonly endpoint: Endpoint;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** URL at which a WebSocket connects with protocol 2.0.0. */
  readonly socketUrl: string;
  readonly longPollUrl: string;
  close(): void;
}

export interface ServeOptions extends Partial<Omit<EndpointOptions, 'limits' | 'mounts'>> {
  readonly mount?: Partial<Omit<MountOptions, 'open' | 'path'>>;
  readonly limits?: Partial<Limits & EndpointLimits>;
  /** For a hub of its own. */
  readonly pubsub?: PubSub;
}

/** Serves one socket, mounted at `/socket`, in this process on a free port. */
export async function serve(open: Opener, { mount, limits, pubsub, ...options }: ServeOptions = {}): Promise<Served> {
  const endpoint = new Endpoint({
    hub: new Hub(pubsub),
    secret: 'a secret that all nodes of a spec share',
    ...options,
    limits: { maxWaitingMessages: 100, ...limits },
    mounts: [
      {
        path: '/socket',
        open,
        origins: 'any',
        ...mount,
      },
    ],
  });
  const port = await endpoint.listen('127.0.0.1', 0);
  const url = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    url,
    socketUrl: `${url}/socket/websocket?vsn=2.0.0`,
    longPollUrl: `${url}/socket/longpoll?vsn=2.0.0`,
    close: () => endpoint.close(),
  };
}
