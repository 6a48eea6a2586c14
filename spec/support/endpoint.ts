import { randomUUID } from 'node:crypto';
import { Endpoint, type EndpointLimits, type EndpointOptions, localPubSub, silentLog } from '../../server/index.ts';
import type { Limits } from '../../server/runtime/context.ts';
import type { Opener } from '../../server/socket.ts';
import type { Mount } from '../../server/transport/mount.ts';

const limits: Limits & EndpointLimits = {
  maxFrameBytes: 524_288,
  maxBackpressureBytes: 1_048_576,
  maxBodyBytes: 1_048_576,
  maxChannelsPerSocket: 100,
  rate: undefined,
  maxWaitingMessages: 100,
  maxWaitingBytes: 1_048_576,
};

export interface Served {
  readonly endpoint: Endpoint;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Where a WebSocket connects with protocol 2.0.0. */
  readonly socketUrl: string;
  readonly longPollUrl: string;
  close(): void;
}

export interface ServeOptions extends Partial<Omit<EndpointOptions, 'limits' | 'mounts'>> {
  readonly mount?: Partial<Omit<Mount, 'open' | 'path'>>;
  readonly limits?: Partial<Limits & EndpointLimits>;
}

/** Serves one socket, mounted at `/socket`, in this process on a free port. */
export async function serve(open: Opener, { mount, limits: changed, ...options }: ServeOptions = {}): Promise<Served> {
  const endpoint = new Endpoint({
    pubsub: localPubSub({ nodeId: randomUUID() }),
    log: silentLog,
    secret: 'a secret that all nodes of a spec share',
    ...options,
    limits: { ...limits, ...changed },
    mounts: [
      {
        path: '/socket',
        open,
        origins: 'any',
        authToken: true,
        websocket: { timeoutMs: 60_000, pings: true },
        longpoll: { windowMs: 10_000 },
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
