import {
  type Channel,
  type ConnectAnswer,
  type ConnectRequest,
  connected,
  type Opener,
  type Rejected,
  reject,
  socket,
} from '../../server/index.ts';
import type { AgentSession } from './agent_session.ts';
import type { AccountPrincipal, Authenticator } from './authenticate.ts';
import type { OpenSockets } from './open_sockets.ts';
import { nameOf } from './permissions.ts';

/** Ids that sockets are closed by, on every node. */
export const socketIds = {
  agent: (agentId: string) => `agent_socket:${agentId}`,
  owner: (userId: string) => `owner_socket:${userId}`,
  user: (agentId: string) => `user_socket:${agentId}`,
  /** All sockets that came in with this key, or with a token that it made. */
  credential: (keyId: string) => `credential:${keyId}`,
};

export interface OwnerSession {
  readonly userId: string;
}

export interface SocketOptions {
  readonly authenticator: Authenticator;
  readonly openSockets: OpenSockets;
  readonly agentChannels: readonly Channel<AgentSession>[];
  readonly ownerChannels: readonly Channel<OwnerSession>[];
  readonly userChannels: readonly Channel<AgentSession>[];
}

/** A client whose credential is good, and the text of it. */
interface Authenticated extends ConnectRequest {
  readonly principal: AccountPrincipal;
  readonly credential: string;
}

/** The three sockets of PROTOCOL.md, section 4, as they open at `/socket` and at `/user_socket`. */
export function sockets(options: SocketOptions): { readonly atSocket: Opener; readonly atUserSocket: Opener } {
  const { authenticator, openSockets } = options;

  const agentSocket = socket<AgentSession, Authenticated>({
    connect: (request) => connectOneMore(request, socketIds.agent, (agentId) => ({ agentId }), true),
    channels: options.agentChannels,
  });
  const userSocket = socket<AgentSession, Authenticated>({
    connect: (request) => connectOneMore(request, socketIds.user, (agentId) => ({ agentId })),
    channels: options.userChannels,
  });
  const ownerSocket = socket<OwnerSession, Authenticated>({
    connect: (request) => connectOneMore(request, socketIds.owner, (userId) => ({ userId })),
    channels: options.ownerChannels,
  });

  /** One socket more for this account, of any kind, if it has not too many already, over all nodes. */
  async function connectOneMore<S extends object>(
    request: Authenticated,
    idOf: (id: string) => string,
    sessionOf: (id: string) => S,
    isAgentSocket = false,
  ): Promise<ConnectAnswer<S>> {
    const { kind, id } = request.principal;
    const socketId = idOf(id);
    const opened = await openSockets.open(kind, id, { isAgentSocket });
    if (opened.ok) return connected(sessionOf(id), { ...terms(request, socketId), onClose: opened.close });
    if (opened.cause) return reject('unavailable', { reason: 'unavailable', id: socketId });
    return reject('forbidden', { reason: 'too_many_sockets', id: socketId, holds: true });
  }

  function terms({ principal, credential }: Authenticated, socketId: string) {
    return {
      ids: [socketId, socketIds.credential(principal.keyId)],
      account: nameOf(principal),
      expiresAtMs: principal.expiresAtMs,
      stillHolds: async () => {
        const now = await authenticator.credential(credential, { isUse: false });
        return now !== undefined && now.kind !== 'admin' && !now.suspended;
      },
    };
  }

  /** Finds the account behind the credential; refuses if it may not open sockets of this kind. */
  async function authenticate(
    request: ConnectRequest,
    { credential, via, idOf }: Presented,
  ): Promise<({ readonly ok: true } & Authenticated) | Rejected> {
    const identified = await authenticator.identify(credential, { mayLookUp: request.mayLookUp });
    if (!identified.ok) {
      const { reason, account } = identified;
      return refused(reason, account && idOf(account));
    }
    const { principal } = identified;
    if (principal.kind === 'admin') return refused('wrong_principal');
    const id = idOf(principal);
    if (via !== undefined && principal.via !== via) return refused('wrong_parameter', id);
    return principal.suspended ? refused('suspended', id) : { ok: true, ...request, principal, credential };
  }

  async function openUserSocket(request: ConnectRequest) {
    const { agent_id: agentId, token = request.authToken } = request.params;
    if (token === undefined) return refused('no_credential');
    const idOf = ({ kind, id }: AccountName) => (kind === 'agent' ? socketIds.user(id) : undefined);
    const authenticated = await authenticate(request, { credential: token, via: 'session_token', idOf });
    if (!authenticated.ok) return authenticated;
    const { kind, id } = authenticated.principal;
    if (kind !== 'agent') return refused('wrong_principal');
    if (agentId !== undefined && agentId !== id) return refused('wrong_agent', socketIds.user(id));
    return userSocket(authenticated);
  }

  return {
    async atSocket(request) {
      const { agent_id: agentId, token } = request.params;
      const presented = presentedAtSocket(request);
      if (!presented) {
        return agentId !== undefined && token !== undefined ? openUserSocket(request) : refused('no_credential');
      }
      const authenticated = await authenticate(request, presented);
      if (!authenticated.ok) return authenticated;
      if (authenticated.principal.kind === 'agent') return agentSocket(authenticated);
      return authenticated.principal.kind === 'user' ? ownerSocket(authenticated) : refused('wrong_principal');
    },
    atUserSocket: openUserSocket,
  };
}

type AccountName = Pick<AccountPrincipal, 'kind' | 'id'>;

/** The credential that a client presents when it connects. */
interface Presented {
  readonly credential: string;
  /** The kind of credential that is taken where it stands; `undefined`: either. */
  readonly via: AccountPrincipal['via'] | undefined;
  /** The socket id that an account has here. */
  readonly idOf: (account: AccountName) => string | undefined;
}

function presentedAtSocket({ params, authToken }: ConnectRequest): Presented | undefined {
  const { api_key: apiKey, session_token: sessionToken } = params;
  const idOf = ({ kind, id }: AccountName) =>
    ({ agent: socketIds.agent(id), user: socketIds.owner(id), app: undefined })[kind];
  if (apiKey !== undefined) return { credential: apiKey, via: 'api_key', idOf };
  if (sessionToken !== undefined) return { credential: sessionToken, via: 'session_token', idOf };
  return authToken === undefined ? undefined : { credential: authToken, via: undefined, idOf };
}

/** The client learns nothing but 403; the log has the reason, and who it was where that is known. */
const refused = (reason: string, id?: string): Rejected =>
  reject('forbidden', { reason, ...(id !== undefined && { id }) });
