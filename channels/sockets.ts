import type { Channel } from '../server/channel.ts';
import { type ConnectRequest, connected, reject, socket } from '../server/index.ts';
import type { Nodes } from '../server/nodes/port.ts';
import type { ConnectAnswer, Opener } from '../server/socket.ts';
import type { AgentSession } from './agent_session.ts';
import type { AccountPrincipal, Authenticator } from './principals/authenticate.ts';
import { nameOf } from './principals/permissions.ts';

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

export interface SocketParts {
  readonly authenticator: Authenticator;
  readonly nodes: Nodes;
  readonly maxSocketsPerAgent: number;
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
export function sockets(parts: SocketParts): { readonly atSocket: Opener; readonly atUserSocket: Opener } {
  const { authenticator, nodes, maxSocketsPerAgent } = parts;

  const agentSocket = socket<AgentSession, Authenticated>({
    connect: (request) => connectAgent(request, socketIds.agent(request.principal.id)),
    channels: parts.agentChannels,
  });
  const userSocket = socket<AgentSession, Authenticated>({
    connect: (request) => connectAgent(request, socketIds.user(request.principal.id)),
    channels: parts.userChannels,
  });
  const ownerSocket = socket<OwnerSession, Authenticated>({
    connect: (request) =>
      connected({ userId: request.principal.id }, terms(request, socketIds.owner(request.principal.id))),
    channels: parts.ownerChannels,
  });

  /** One socket more for this agent, if it has not too many already, over all nodes. */
  async function connectAgent(request: Authenticated, socketId: string): Promise<ConnectAnswer<AgentSession>> {
    const { id } = request.principal;
    const tally = `sockets:${id}`;
    const release = () => void nodes.tally(tally, -1).catch(() => {});
    const open = await nodes.tally(tally, 1).catch(() => undefined);
    if (open !== undefined && open <= maxSocketsPerAgent) {
      return connected({ agentId: id }, { ...terms(request, socketId), onClose: release });
    }
    release();
    return reject(open === undefined ? 'unavailable' : 'forbidden');
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

  /** Who comes with this credential, as long as it may open sockets. */
  async function authenticate(request: ConnectRequest, credential: string): Promise<Authenticated | undefined> {
    const principal = await authenticator.credential(credential);
    if (!principal || principal.kind === 'admin' || principal.suspended) return undefined;
    return { ...request, principal, credential };
  }

  async function openUserSocket(request: ConnectRequest) {
    const { agent_id: agentId, token = request.authToken } = request.params;
    const authenticated = token === undefined ? undefined : await authenticate(request, token);
    const { kind, id, via } = authenticated?.principal ?? {};
    const isTokenOfAgent = kind === 'agent' && via === 'session_token' && (agentId === undefined || agentId === id);
    return authenticated && isTokenOfAgent ? userSocket(authenticated) : reject();
  }

  return {
    async atSocket(request) {
      const { api_key: apiKey, session_token: sessionToken, agent_id: agentId, token } = request.params;
      const credential = apiKey ?? sessionToken ?? request.authToken;
      if (credential === undefined)
        return agentId !== undefined && token !== undefined ? openUserSocket(request) : reject();
      const authenticated = await authenticate(request, credential);
      if (authenticated?.principal.kind === 'agent') return agentSocket(authenticated);
      return authenticated?.principal.kind === 'user' ? ownerSocket(authenticated) : reject();
    },
    atUserSocket: openUserSocket,
  };
}
