import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Event } from './commands.ts';
import { agentOf, otherSide, type PaymentChannel } from './state.ts';

type Pair = readonly [string, string];

/** Amounts are micro-USDC in decimal. */
export interface MovedAmount {
  readonly from: string;
  readonly to: string;
  readonly amountMicro: string;
}

export interface ChannelClosed extends Fact {
  readonly type: 'channel_closed';
  readonly channel: string;
  readonly agents: Pair;
  readonly wasDisputed: boolean;
  /** Amount that the close moves beyond the last state; `null`: nothing. */
  readonly moved: MovedAmount | null;
}

export type PaymentFact =
  | (Fact & { readonly type: 'transfer_executed' } & MovedAmount)
  | (Fact & {
      readonly type: 'dispute_opened';
      readonly channel: string;
      readonly agents: Pair;
      readonly by: string;
    })
  | ChannelClosed;

/** Facts about a payment channel that the figures count. */
export function paymentFacts(
  events: readonly Event[],
  channel: PaymentChannel,
  { id, before, nowMs: atMs }: FactContext<PaymentChannel>,
): PaymentFact[] {
  const agents = [channel.agentA, channel.agentB] as const;
  return events.flatMap((event): PaymentFact[] => {
    switch (event.type) {
      case 'transfer_executed': {
        const { from, amountMicro } = event.transfer;
        const parties = { from: agentOf(channel, from), to: agentOf(channel, otherSide(from)) };
        return [{ type: 'transfer_executed', atMs, ...parties, amountMicro: String(amountMicro) }];
      }
      case 'dispute_opened':
        return [{ type: 'dispute_opened', atMs, channel: id, agents, by: agentOf(channel, event.dispute.openedBy) }];
      case 'closed': {
        const wasDisputed = Boolean(before?.dispute);
        const moved = movedBy(event.movedToAMicro, channel);
        return [{ type: 'channel_closed', atMs, channel: id, agents, wasDisputed, moved }];
      }
      default:
        return [];
    }
  });
}

function movedBy(toAMicro: bigint, { agentA, agentB }: PaymentChannel): MovedAmount | null {
  if (toAMicro === 0n) return null;
  return toAMicro > 0n
    ? { from: agentB, to: agentA, amountMicro: String(toAMicro) }
    : { from: agentA, to: agentB, amountMicro: String(-toAMicro) };
}
