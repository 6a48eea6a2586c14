import { networkInterfaces } from 'node:os';
import type { Domain, DomainContext } from '../../channels/principals/domain.ts';
import { socketIds } from '../../channels/principals/sockets.ts';
import type { SessionsForGateways } from '../../channels/session/feature.ts';
import { equalSecrets } from '../../crypto/secrets.ts';
import type { FurtherPort, RawMountOptions } from '../../server/endpoint/index.ts';
import { openRaw, type RawAccepted, type RawRejected, type RawRequest, rejectRaw } from '../../server/index.ts';
import { errorFrame } from './frames.ts';
import { hostCheck, orbitHttp } from './http.ts';
import { Readiness } from './readiness.ts';
import { type GivenSession, OrbitSession } from './session.ts';

/** The settings of the dialect (ORBIT.md). */
export interface OrbitSettings {
  /** 0: it is off. */
  readonly port: number;
  readonly isPortSet: boolean;
  /** Undefined: every loopback address. */
  readonly host: string | undefined;
  readonly token: string | undefined;
  readonly capability: string;
  readonly origins: readonly string[];
  readonly turnMs: number;
  readonly maxSockets: number;
}

type Context = SessionsForGateways &
  Pick<DomainContext, 'log' | 'store' | 'mountTerms'> & {
    readonly orbit: OrbitSettings;
    readonly tls: FurtherPort['tls'];
  };

/** Ends of sessions get so long when the node ends. */
const FINISH_MS = 3_000;

/** The user's side of sessions in the ORBIT dialect: `/ws` and `/health` on a port of its own. */
export function orbitFeature(context: Context): Domain {
  const { orbit, userSide, tls } = context;
  if (orbit.port === 0) return { name: 'orbit' };
  const readiness = new Readiness(userSide, context.log);
  const finishing = new Set<Promise<void>>();
  const doors = new Doors({ ...context, readiness, finishing });
  const origins = ['same_host', ...orbit.origins];
  const mount: RawMountOptions = {
    kind: 'raw',
    path: '/ws',
    open: (request) => doors.open(request),
    origins,
    credentials: { query: 'token' },
    timeoutMs: context.mountTerms.timeoutMs,
  };
  const port = {
    port: orbit.port,
    hosts: orbit.host === undefined ? loopbacks() : [orbit.host],
    variables: ['ORBIT_PORT', 'ORBIT_HOST'],
    isOptional: !orbit.isPortSet,
    mounts: [mount],
    http: orbitHttp({ origins, activeConnections: () => doors.sockets }),
    ...(orbit.token === undefined && { takesHost: hostCheck(orbit.origins, hostNames(orbit.host)) }),
    // On a loopback address nobody listens in, and the dialect's own page speaks no TLS.
    ...(orbit.token !== undefined && orbit.host !== undefined && { tls }),
  };
  return {
    name: 'orbit',
    ports: [port],
    async close() {
      readiness.close();
      const late = new Promise<void>((resolve) => setTimeout(resolve, FINISH_MS).unref());
      await Promise.race([Promise.all(finishing), late]);
    },
  };
}

/** A machine may have no IPv6. */
function loopbacks(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return ['127.0.0.1', ...(addresses.some(({ address }) => address === '::1') ? ['::1'] : [])];
}

const hostNames = (host: string | undefined) => (host === undefined ? [] : [host.includes(':') ? `[${host}]` : host]);

type DoorsOptions = Context & { readonly readiness: Readiness; readonly finishing: Set<Promise<void>> };

/** Lets clients in, and counts them. */
class Doors {
  readonly #options: DoorsOptions;
  #sockets = 0;

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  get sockets(): number {
    return this.#sockets;
  }

  async open(request: RawRequest): Promise<RawAccepted | RawRejected> {
    const { orbit } = this.#options;
    if (this.#sockets >= orbit.maxSockets) {
      return rejectRaw({ status: 503 }, { reason: 'too_many_sockets', holds: true });
    }
    this.#sockets++;
    let isIn = false;
    try {
      const answer = await this.#answer(request);
      isIn = answer.ok;
      return answer;
    } finally {
      if (!isIn) this.#sockets--;
    }
  }

  async #answer({ credential }: RawRequest): Promise<RawAccepted | RawRejected> {
    const { orbit, userSide, userTokens, store } = this.#options;
    // Fails, and the client gets 503, while the store is out of reach.
    await store.nowMs();
    if (!credential) {
      return orbit.token === undefined ? this.#accept() : rejected('auth_failed', 'no_credential');
    }
    if (orbit.token !== undefined && equalSecrets(credential, orbit.token)) return this.#accept();
    const claims = await userTokens.verify(credential);
    if (!claims) return rejected('auth_failed', 'bad_token');
    const id = `session_user:${claims.sessionId}`;
    const session = await userSide.find(claims.sessionId);
    if (!session) return rejected('session_not_found', 'session_not_found', id);
    const given: GivenSession = {
      id: session.id,
      agentId: session.agent?.id,
      capability: session.capability ?? orbit.capability,
    };
    return this.#accept(given, {
      ids: [id, socketIds.credential(claims.keyId)],
      account: `user:${claims.userId}`,
      stillHolds: () => userTokens.keyHolds(claims),
    });
  }

  #accept(given?: GivenSession, terms: Parameters<typeof openRaw>[1] = { ids: ['orbit'] }): RawAccepted {
    const { orbit, finishing } = this.#options;
    const finish = (work: Promise<void>) => {
      const finished = work.catch((error: unknown) =>
        this.#options.log.error({ err: error }, 'ending a session with its socket failed'),
      );
      finishing.add(finished);
      void finished.finally(() => finishing.delete(finished));
    };
    const { capability, turnMs } = orbit;
    const options = { ...this.#options, given, capability, turnMs, finish };
    const onClose = () => void this.#sockets--;
    return openRaw((socket) => new OrbitSession(socket, options), { ...terms, onClose });
  }
}

const REFUSALS = {
  auth_failed: { code: 4001, message: 'Authentication failed' },
  session_not_found: { code: 4004, message: 'Session not found' },
} as const;

/** After the upgrade, as a browser sees no HTTP status. */
function rejected(type: keyof typeof REFUSALS, reason: string, id?: string): RawRejected {
  const { code, message } = REFUSALS[type];
  const why = { reason, ...(id !== undefined && { id, holds: true as const }) };
  return rejectRaw({ code, reason: type, message: errorFrame(message) }, why);
}
