import type { FactContext } from '../kernel/aggregate.ts';
import { passed, type Traffic, touched } from '../kernel/traffic.ts';
import type { Event } from './decide.ts';
import type { Negotiation } from './state.ts';

/** Offers, and all else that client and provider do; not that their time is over. */
export function negotiationTraffic(
  events: readonly Event[],
  { clientAgentId: client, providerAgentId: provider }: Negotiation,
  { nowMs: atMs }: FactContext<Negotiation>,
): Traffic[] {
  return events.flatMap((event): Traffic[] => {
    switch (event.type) {
      case 'offer_made': {
        const [from, to] = event.offer.by === 'client' ? [client, provider] : [provider, client];
        return [passed('negotiation', from, to, atMs)];
      }
      case 'expired':
        return [];
      default:
        return [touched('negotiation', client, provider, atMs)];
    }
  });
}
