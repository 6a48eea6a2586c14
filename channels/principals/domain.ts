import type { SessionTokens } from '../../crypto/session_tokens.ts';
import type { Presence } from '../../presence/index.ts';
import type { Feature, Hub, Log, Nodes } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { Placeable } from '../kernel/aggregate.ts';
import type { DeadlineStats } from '../kernel/deadlines.ts';
import type { AgentSession } from './agent_session.ts';
import type { Principal } from './authenticate.ts';
import type { ServedList } from './list_route.ts';
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
  readonly principals: Principals;
  readonly tokens: SessionTokens;
  readonly networkId: string;
  /** Days for which an ended task keeps its streams. */
  readonly taskRetentionDays: number;
  /** For a domain with deadlines apart from the node's. */
  readonly deadlineStats: DeadlineStats;
}
