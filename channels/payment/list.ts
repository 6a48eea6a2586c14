import { oneOf } from '../kernel/lists/query.ts';
import type { PartyOptions } from '../principals/parties.ts';
import { type Between, listBetween } from '../principals/things_between.ts';
import { agentChannelsIndex, createdAtMs, PAYMENT_CHANNELS_INDEX } from './indexes.ts';
import type { Payments } from './payments.ts';
import { type PaymentChannel, statusOf } from './state.ts';
import { channelView } from './view.ts';

/** `GET /api/payment_channels` */
export function paymentChannelList(payments: Payments, options: PartyOptions) {
  const between: Between<PaymentChannel, 'status'> = {
    name: 'channels',
    checks: { status: oneOf('open', 'disputed', 'closed') },
    indexOfAll: PAYMENT_CHANNELS_INDEX,
    indexesOf: (agentId) => [agentChannelsIndex(agentId)],
    read: (ids) => payments.readMany(ids),
    insertedAtMs: createdAtMs,
    partiesOf: ({ agentA, agentB }) => [agentA, agentB],
    matches: (channel, { status }) => status === undefined || statusOf(channel) === status,
    view: (found) => found.map(channelView),
  };
  return listBetween(between, options);
}
