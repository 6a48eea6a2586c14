import type { FactContext } from '../kernel/aggregate.ts';
import type { ChannelClosed, Fact } from '../kernel/facts.ts';
import type { Event } from './commands.ts';
import { agentOf, otherSide, type PaymentChannel } from './state.ts';

/** What the figures count of a payment channel. */
export function paymentFacts(
  events: readonly Event[],
  channel: PaymentChannel,
  { id, before, nowMs: atMs }: FactContext<PaymentChannel>,
): Fact[] {
  const agents = [channel.agentA, channel.agentB] as const;
  return events.flatMap((event): Fact[] => {
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

function movedBy(toAMicro: bigint, { agentA, agentB }: PaymentChannel): ChannelClosed['moved'] {
  if (toAMicro === 0n) return null;
  return toAMicro > 0n
    ? { from: agentB, to: agentA, amountMicro: String(toAMicro) }
    : { from: agentA, to: agentB, amountMicro: String(-toAMicro) };
}
