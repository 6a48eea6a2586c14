import type { FactContext } from '../kernel/aggregate.ts';
import { passed, type Traffic, touched } from '../kernel/traffic.ts';
import type { Event } from './commands.ts';
import { agentOf, otherSide, type PaymentChannel } from './state.ts';

/** Executed transfers, and all else that happens to a channel of two agents. */
export function paymentTraffic(
  events: readonly Event[],
  channel: PaymentChannel,
  { nowMs: atMs }: FactContext<PaymentChannel>,
): Traffic[] {
  return events.map((event): Traffic => {
    if (event.type !== 'transfer_executed') return touched('payment', channel.agentA, channel.agentB, atMs);
    const { from } = event.transfer;
    return passed('payment', agentOf(channel, from), agentOf(channel, otherSide(from)), atMs);
  });
}
