/**
 * What has happened, as the figures count it: logged in the commit that made it happen. Amounts are micro-USDC in
 * decimal; `atMs` is the store's clock at the decision.
 */
export type Fact = At &
  (
    | { readonly type: 'agent_registered'; readonly agent: string; readonly user: string | null }
    | {
        readonly type: 'agent_moved';
        readonly agent: string;
        readonly from: string | null;
        readonly to: string | null;
      }
    | TaskFact
    | { readonly type: 'message_sent' | 'message_acknowledged' | 'message_rejected'; readonly from: string }
    | { readonly type: 'backlog_changed'; readonly agent: string; readonly pending: number }
    | {
        readonly type: 'negotiation_opened' | 'negotiation_agreed' | 'negotiation_rejected';
        readonly client: string;
        readonly provider: string;
      }
    | {
        readonly type: 'transfer_executed';
        readonly from: string;
        readonly to: string;
        readonly amountMicro: string;
      }
    | { readonly type: 'dispute_opened'; readonly channel: string; readonly agents: Pair; readonly by: string }
    | ChannelClosed
    | OnlineSampled
  );

interface At {
  readonly atMs: number;
  /** Of the aggregate, before the change: what one has brought about is in this order, whatever the log's is. */
  readonly version?: number;
}

export type Pair = readonly [string, string];

type TaskFact = { readonly client: string; readonly provider: string } & (
  | { readonly type: 'task_created' | 'task_started' }
  | TaskEnded
);

export interface TaskEnded {
  readonly type: 'task_completed' | 'task_failed' | 'task_cancelled';
  readonly wasRunning: boolean;
  /** From its creation to its end. */
  readonly durationMs: number;
  readonly capability: string | null;
  readonly priceMicro: string | null;
}

export interface ChannelClosed {
  readonly type: 'channel_closed';
  readonly channel: string;
  readonly agents: Pair;
  readonly wasDisputed: boolean;
  /** What the close moves beyond the last state; `null`: nothing. */
  readonly moved: { readonly from: string; readonly to: string; readonly amountMicro: string } | null;
}

/** A look at who is online. Of a long list each part is a fact of its own. */
export interface OnlineSampled {
  readonly type: 'online_sampled';
  /** How many there are in all, and whether it is the first look in its minute; `null` in all parts but the first. */
  readonly look: { readonly online: number; readonly isFirst: boolean } | null;
  /** Those not named in this minute before. */
  readonly agents: readonly string[];
}

export const factText = (fact: Fact) => JSON.stringify(fact);

const known: Readonly<Record<Fact['type'], true>> = {
  agent_registered: true,
  agent_moved: true,
  task_created: true,
  task_started: true,
  task_completed: true,
  task_failed: true,
  task_cancelled: true,
  message_sent: true,
  message_acknowledged: true,
  message_rejected: true,
  backlog_changed: true,
  negotiation_opened: true,
  negotiation_agreed: true,
  negotiation_rejected: true,
  transfer_executed: true,
  dispute_opened: true,
  channel_closed: true,
  online_sampled: true,
};

/** @returns undefined for one of a later version. @throws SyntaxError for what is no JSON */
export function parseFact(text: string): Fact | undefined {
  const fact = JSON.parse(text) as Fact;
  return Object.hasOwn(known, fact.type) ? fact : undefined;
}
