// What the server sends, as this library shows it. A spec proves that these types are those of the server's own schemas
// (spec/client/types.spec.ts); the package has its own, as its users do not have the server.

export interface Capability {
  readonly name: string;
  /** USDC */
  readonly price: string;
  readonly description?: string;
  readonly category?: string;
  /** 1 to 10 */
  readonly level?: number;
}

/** A capability as it is announced: one that is only a name costs nothing. */
export type AnnouncedCapability = string | (Omit<Capability, 'price'> & { readonly price?: string });

export type Metadata = Readonly<Record<string, unknown>>;
export type AgentStatus = 'active' | 'suspended';
export type PresenceStatus = 'online' | 'busy' | 'offline';

export interface AgentProfile {
  readonly id: string;
  readonly name: string;
  /** Base64 of 32 bytes. */
  readonly public_key: string;
  readonly user_id: string | null;
  readonly capabilities: readonly Capability[];
  readonly metadata: Metadata;
  /** 0 to 5 */
  readonly reputation: number;
  readonly status: AgentStatus;
  readonly inserted_at: string;
}

export interface FoundAgent extends AgentProfile {
  readonly presence: PresenceStatus;
  /** USDC: of the capability that was asked for, else the lowest; null where it has none. */
  readonly price: string | null;
}

/** The answer of `GET /api/me`. */
export interface Me {
  readonly kind: 'admin' | 'user' | 'app' | 'agent';
  readonly id?: string;
  readonly status?: AgentStatus;
  readonly key_id?: string;
  readonly expires_at?: string;
  readonly network_id: string;
}

export type TaskStatus = 'pending' | 'in_progress' | 'completed' | 'failed' | 'cancelled';

export interface TaskState {
  readonly id: string;
  readonly client_agent_id: string;
  readonly provider_agent_id: string;
  readonly app_id: string | null;
  readonly capability: string | null;
  /** USDC */
  readonly price: string | null;
  readonly status: TaskStatus;
  readonly progress: { readonly percent: number; readonly message?: string } | null;
  readonly result: unknown;
  readonly error: { readonly type: string; readonly details: unknown } | null;
  readonly metadata: Metadata;
  readonly negotiation_id?: string | null;
  readonly payment_channel_id?: string | null;
  readonly inserted_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

export interface StreamState {
  /** The lowest seq that is not stored. */
  readonly next_seq: number;
  readonly complete: boolean;
  readonly checksum: string | null;
  /** Bytes */
  readonly total_size: number | null;
}

export interface TaskJoined {
  readonly task: TaskState;
  readonly role: 'client' | 'provider';
  readonly streams: { readonly input: StreamState; readonly output: StreamState };
  readonly checkpoint: { readonly seq: number; readonly state: unknown } | null;
}

export interface Offer {
  readonly agent_id: string;
  readonly role: 'client' | 'provider';
  /** USDC */
  readonly amount: string;
  readonly signature: string;
  readonly offered_at: string;
}

export interface NegotiationState {
  readonly id: string;
  readonly client_agent_id: string;
  readonly provider_agent_id: string;
  readonly capability: string | null;
  /** USDC */
  readonly base_price: string;
  /** USDC: no offer is above it. */
  readonly limit: string;
  readonly status: 'open' | 'agreed' | 'rejected' | 'expired';
  readonly client_offer: Offer | null;
  readonly provider_offer: Offer | null;
  readonly agreed_amount: string | null;
  readonly task_id?: string | null;
  readonly expires_at: string;
}

/** What all are told of an agreement. */
export interface Agreement {
  readonly session_id: string;
  readonly amount: string;
  readonly client_offer: Offer | null;
  readonly provider_offer: Offer | null;
  readonly accepted_by: string;
  readonly signature: string;
  readonly completed_at: string;
}

export interface Transfer {
  readonly nonce: number;
  readonly from: string;
  readonly to: string;
  /** USDC */
  readonly amount: string;
  /** USDC, both after the transfer. */
  readonly balance_a: string;
  readonly balance_b: string;
}

/** A transfer that its sender has signed. */
export interface Proposed extends Transfer {
  readonly signature: string;
}

/** A transfer that both have signed. */
export interface CoSigned extends Transfer {
  readonly signature_a: string;
  readonly signature_b: string;
}

export interface Burned {
  readonly nonce: number;
  readonly burned: true;
  readonly by: string;
  readonly reason: string;
  readonly at: string;
}

export type HistoryItem = (CoSigned & { readonly at: string }) | Burned;

export interface ProposedClose {
  readonly by: string;
  readonly final_balance_a: string;
  readonly final_balance_b: string;
  readonly nonce: number;
  readonly signature: string;
  readonly at: string;
}

export interface Closing {
  readonly final_balance_a: string;
  readonly final_balance_b: string;
  readonly nonce: number;
  readonly reason: 'cooperative' | 'dispute' | 'withdrawn' | 'expired';
  readonly closed_at: string;
  readonly signature_a?: string;
  readonly signature_b?: string;
}

export interface ChannelState {
  readonly id: string;
  readonly agent_a: string;
  readonly agent_b: string;
  /** USDC */
  readonly deposit_a: string;
  readonly deposit_b: string;
  readonly balance_a: string;
  readonly balance_b: string;
  /** The last executed one. */
  readonly nonce: number;
  /** One above the highest ever proposed. */
  readonly next_nonce: number;
  readonly pending: Proposed | null;
  readonly status: 'proposed' | 'open' | 'disputed' | 'closed';
  readonly proposed_close?: ProposedClose | null;
  readonly challenge_period_ms: number;
  readonly challenge_ends_at: string | null;
  readonly last_state: CoSigned | null;
  readonly dispute: unknown;
  readonly opened_at: string | null;
  readonly closing: Closing | null;
  readonly proposed_by?: string | null;
  readonly proposal_expires_at?: string | null;
  readonly open_signature_a?: string | null;
  readonly open_signature_b?: string | null;
}

export type MessageStatus = 'pending' | 'acknowledged' | 'rejected' | 'expired';

export interface StoredMessage {
  readonly id: string;
  readonly from_agent_id: string | null;
  readonly to_agent_id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly protocol_version: string;
  readonly status: MessageStatus;
  readonly reason: string | null;
  readonly inserted_at: string;
}

export interface NewMessage {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly from_agent_id: string | null;
  readonly protocol_version: string;
  readonly inserted_at: string;
}

export interface PresenceEntry {
  readonly id: string;
  readonly name: string;
  readonly status: PresenceStatus;
  /** Names */
  readonly capabilities: readonly string[];
  readonly metadata: Metadata;
  readonly onlineAt: string;
}

export type SessionPhase = 'STARTED' | 'CONNECTED' | 'AGENT_CONNECTED' | 'WORKING' | 'AWAITING_PAYMENT' | 'CLOSED';

export interface SessionState {
  readonly id: string;
  readonly user_id: string | null;
  readonly agent_id: string | null;
  readonly agent_name: string | null;
  readonly capability: string | null;
  readonly phase: SessionPhase;
  readonly can_pay: boolean;
  readonly next_seq: number;
  readonly pending_payment: {
    readonly request_id: string;
    /** USDC */
    readonly amount_usdc: string;
    readonly action: string;
    readonly description: string;
    readonly requested_at: string;
    readonly expires_at: string;
  } | null;
  readonly inserted_at: string;
  readonly closed_at: string | null;
  readonly close_reason: string | null;
}

export interface SessionEntry {
  readonly seq: number;
  readonly type: string;
  readonly by: string;
  readonly at: string;
  readonly execution_id?: string | null;
  readonly content?: string;
  readonly final?: boolean;
}

/** The answer to a join of `agent:{id}`. */
export interface AgentJoined {
  readonly agent_id: string;
  readonly sessions?: readonly SessionState[];
  readonly sessions_more?: boolean;
}

export type MessagePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly url: string; readonly altText?: string }
  | {
      readonly type: 'file';
      readonly url: string;
      readonly name: string;
      readonly mimeType?: string;
      /** Bytes */
      readonly size?: number;
    };

export interface ConversationMessage {
  readonly id: string;
  readonly conversationId: string;
  readonly senderId: string;
  readonly replyToId?: string;
  readonly parts: readonly MessagePart[];
  readonly createdAt: string;
  /** A decimal number that grows, with gaps. */
  readonly seq: string;
}
