import type { IndexEntry } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import type { PaymentChannel } from './state.ts';

/** All payment channels, by creation. */
export const PAYMENT_CHANNELS_INDEX = 'payment_channels';
export const agentChannelsIndex = (agentId: string) => `payment_channels:agent:${agentId}`;

export const createdAtMs = ({ openedAtMs }: Pick<PaymentChannel, 'openedAtMs'>) => openedAtMs;

/** They never change. */
export function placesOf(channel: PaymentChannel): IndexEntry[] {
  const key = placeKey(createdAtMs(channel));
  return [
    { index: PAYMENT_CHANNELS_INDEX, key },
    { index: agentChannelsIndex(channel.agentA), key },
    { index: agentChannelsIndex(channel.agentB), key },
  ];
}
