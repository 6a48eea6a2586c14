import type { Exchange } from '../http/exchange.ts';
import type { PubSub } from '../pubsub/port.ts';
import { Connection } from '../runtime/connection.ts';
import type { RuntimeContext } from '../runtime/context.ts';
import type { ConnectRequest } from '../socket.ts';
import { handleLongPoll, type LongPollDeps } from '../transport/longpoll/http.ts';
import { LongPollSession } from '../transport/longpoll/session.ts';
import { LongPollSessions } from '../transport/longpoll/sessions.ts';
import { LongPollTokens } from '../transport/longpoll/token.ts';
import type { LongPollMount } from '../transport/mount.ts';
import type { RefusedConnect } from '../transport/refused_connect.ts';
import { v2Text } from '../wire/v2_text.ts';
import { serializerFor } from '../wire/vsn.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import type { EndpointLimits } from './options.ts';
import { pathKey } from './path_table.ts';
import { openPhoenix } from './phoenix_sockets.ts';

export interface LongPollParts {
  readonly mounts: readonly LongPollMount[];
  readonly gatekeeper: Gatekeeper;
  readonly context: RuntimeContext;
  readonly limits: EndpointLimits;
  readonly pubsub: PubSub;
  readonly secret: string;
}

/** The long-poll clients of all mounts for Phoenix channels. */
export class LongPolls {
  readonly #parts: LongPollParts;
  readonly #byPath: ReadonlyMap<string, LongPollMount>;
  readonly #sessions: LongPollSessions;
  readonly #deps: LongPollDeps;

  constructor(parts: LongPollParts) {
    const { mounts, gatekeeper, pubsub, secret } = parts;
    this.#parts = parts;
    this.#byPath = new Map(mounts.map((mount) => [`${pathKey(mount.path)}/longpoll`, mount]));
    this.#sessions = new LongPollSessions(pubsub, gatekeeper.allowances);
    this.#deps = {
      sessions: this.#sessions,
      tokens: new LongPollTokens(secret),
      nodeId: pubsub.nodeId,
      connect: (mount, request) => this.#open(mount, request),
      refuse: ({ path }, address, reason) => gatekeeper.refuse(path, address, { reason }, { status: 403 }),
      mayLookUp: (address) => gatekeeper.mayLookUp(address),
    };
  }

  /** Answers a request for one of the mounts; `undefined` if it is for none. */
  answer(exchange: Exchange, path: string): Promise<void> | undefined {
    const mount = this.#byPath.get(path);
    return mount && handleLongPoll(exchange, mount, this.#deps);
  }

  tick(nowMs: number): void {
    this.#sessions.tick(nowMs);
  }

  close(): void {
    this.#sessions.close();
  }

  async #open(mount: LongPollMount, request: ConnectRequest): Promise<LongPollSession | RefusedConnect> {
    const { gatekeeper, context, limits } = this.#parts;
    const serializer = serializerFor(request.params.vsn);
    if (!serializer) return gatekeeper.refuse(mount.path, request.address, { reason: 'unknown_vsn' }, { status: 403 });
    const socket = await openPhoenix(gatekeeper, mount, request);
    if ('status' in socket) return socket;
    const { maxBackpressureBytes, maxFrameBytes } = limits;
    const session = new LongPollSession({ maxBacklogBytes: maxBackpressureBytes, maxFrameBytes });
    const textSerializer = serializer.version === 2 ? v2Text : serializer;
    const allowance = gatekeeper.allowanceOf(socket.connected);
    const connection = new Connection(context, session, textSerializer, socket, allowance);
    session.connection = connection;
    gatekeeper.entered(connection, mount.path, 'longpoll', undefined);
    session.onClose(() => gatekeeper.gone(connection, undefined));
    return session;
  }
}
