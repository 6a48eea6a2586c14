import type { SessionTokens } from '../../crypto/session_tokens.ts';
import type { Presence } from '../../presence/index.ts';
import type { OriginPolicy } from '../../server/http/index.ts';
import type { Exchange, Feature, Hub, Log, Nodes } from '../../server/index.ts';
import type { Commits, Store } from '../../server/store/index.ts';
import type { Placeable } from '../kernel/aggregate.ts';
import type { DeadlineStats } from '../kernel/deadlines.ts';
import type { Cursors } from '../kernel/lists/cursor.ts';
import type { TrafficTap } from '../kernel/traffic.ts';
import type { AgentSession } from './agent_session.ts';
import type { Authenticator, Principal } from './authenticate.ts';
import type { ServedList } from './list_route.ts';
import type { OpenSockets } from './open_sockets.ts';
import type { Principals } from './principals.ts';
import type { OwnerSession } from './sockets.ts';

/** The sockets of PROTOCOL.md, section 4, and who calls over HTTP. */
export interface DomainKinds {
  readonly sockets: { readonly agent: AgentSession; readonly owner: OwnerSession; readonly user: AgentSession };
  readonly principal: Principal;
}

/** The parts that a domain adds to a node: see `Feature`. */
export interface Domain extends Feature<DomainKinds> {
  /** The lists of the HTTP API, by path. */
  readonly lists?: { readonly [path: string]: ServedList };
  /** The aggregates that its lists are made of, where an earlier version left them out of the index by creation. */
  readonly placeables?: readonly Placeable[];
  readonly counters?: readonly DomainCounter[];
  readonly gauges?: readonly DomainGauge[];
}

/** A number for `/metrics` that only grows. */
export interface DomainCounter {
  readonly name: string;
  readonly help: string;
  read(): number;
}

/** The origins that may connect, and the silence after which a socket is closed. */
export interface MountTerms {
  readonly origins: OriginPolicy;
  readonly timeoutMs: number;
}

/** A number for `/metrics` that is read from what is stored, for the whole deployment. */
export interface DomainGauge {
  readonly name: string;
  readonly help: string;
  /** Resolves soon, whatever the store does; `undefined`: unknown now. */
  read(): Promise<number | undefined>;
}

/** Everything that a domain can be made with; each takes what it needs. */
export interface DomainContext {
  readonly store: Store;
  readonly hub: Hub;
  readonly nodes: Nodes;
  readonly presence: Presence;
  readonly log: Log;
  /** Hands over what passes between agents by commits of this node. */
  readonly traffic: TrafficTap;
  readonly principals: Principals;
  readonly tokens: SessionTokens;
  readonly authenticator: Authenticator;
  /** Versions of the RPC dialect that are spoken, lowest and highest. */
  readonly rpcProtocol: { readonly min: string; readonly max: string };
  readonly networkId: string;
  /** Days for which an ended task keeps its streams. */
  readonly taskRetentionDays: number;
  /** The capability of agents that are assigned to sessions which name none. */
  readonly sessionCapability: string;
  /** Writes and reads the cursors of lists. */
  readonly cursors: Cursors;
  /** Sockets of one account over all nodes. */
  readonly maxSocketsPerAgent: number;
  readonly openSockets: OpenSockets;
  /** Tells whoever listens what this node commits. */
  readonly commits: Commits;
  /** Terms of a gateway's mount: those of the platform's own sockets. */
  readonly mountTerms: MountTerms;
  /** Tells by which scheme a client has reached this server, also through a trusted proxy. */
  readonly schemeOf: (exchange: Exchange) => 'ws' | 'wss';
  /** For a domain with deadlines apart from the node's. */
  readonly deadlineStats: DeadlineStats;
}
