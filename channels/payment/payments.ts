import type { Store } from '../../server/store/index.ts';
import type { Decision } from '../kernel/aggregate.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import type { Moved } from '../kernel/signed_change.ts';
import { Deals, type DealType } from '../messages/deals.ts';
import type { Notifications } from '../messages/notifications.ts';
import type { Command, Event, SignedCommand } from './commands.ts';
import { assertConserved } from './conservation.ts';
import { decide } from './decide.ts';
import { paymentFacts } from './facts.ts';
import { PAYMENT_CHANNELS_INDEX, placesOf } from './indexes.ts';
import { asOf, type Past, type PaymentChannel } from './state.ts';
import { paymentTraffic } from './traffic.ts';
import { HISTORY } from './transfers.ts';

export const PAYMENT = 'payment_channel';

/** `terms` never changes; `dispute` is large, and there only while one lasts. */
export const paymentType: DealType<PaymentChannel, Command, Event> = {
  kind: PAYMENT,
  listedIn: PAYMENT_CHANNELS_INDEX,
  places: placesOf,
  staysPlaced: true,
  parse: ({ terms = '{}', course = '{}', dispute = 'null' }) => ({
    ...parseMicroJson<PaymentChannel>(terms),
    ...parseMicroJson(course),
    dispute: parseMicroJson(dispute),
  }),
  // Evidence is large.
  remembers: ({ dispute }) => dispute === null,
  change(after, before) {
    const { balances, nonce, nextNonce, pending, lastState, closing, noticesDueMs, proposedClose, closeDigests } =
      after;
    const fields: Record<string, string> = {
      course: microJson({
        balances,
        nonce,
        nextNonce,
        pending,
        lastState,
        closing,
        noticesDueMs,
        proposedClose,
        closeDigests,
      }),
    };
    if (!before) fields.terms = microJson(termsOf(after));
    if (after.dispute && after.dispute !== before?.dispute) fields.dispute = microJson(after.dispute);
    const dueMs = deadlineMs(after);
    return before && deadlineMs(before) === dueMs ? { fields } : { fields, deadlineMs: dueMs };
  },
  decide: decideConserved,
  asOf,
  facts: paymentFacts,
  traffic: paymentTraffic,
};

/** The part of a state that never changes. */
function termsOf(channel: PaymentChannel): object {
  const { balances, nonce, nextNonce, pending, lastState, closing, noticesDueMs, dispute, ...more } = channel;
  const { proposedClose, closeDigests, ...terms } = more;
  return terms;
}

/** The one way to a commit: what breaks the sums is not decided but thrown. */
function decideConserved(
  before: PaymentChannel | undefined,
  command: Command,
  nowMs: number,
): Decision<PaymentChannel, Event> | Moved {
  const decision = decide(before, command, nowMs);
  if (decision.ok) assertConserved(decision.state);
  return decision;
}

/** Time at which somebody has to look after it next. */
function deadlineMs({ noticesDueMs, dispute, closing }: PaymentChannel): number | null {
  return dispute && !closing ? dispute.endsAtMs : noticesDueMs;
}

/** The payment channels in the store. */
export class Payments extends Deals<PaymentChannel, Command, SignedCommand, Event> {
  readonly #store: Pick<Store, 'range'>;

  constructor(store: Store, notifications: Pick<Notifications, 'acknowledge'>) {
    super(store, notifications, paymentType);
    this.#store = store;
  }

  /** Reads history entries in the order of their nonces, from nonce `from` on. */
  async history(id: string, from: number, limit: number): Promise<Past[]> {
    const found = await this.#store.range({ kind: PAYMENT, id }, HISTORY, from, limit);
    return found.map(({ value }) => parseMicroJson<Past>(value));
  }

  async past({ id, nextNonce, pending }: PaymentChannel, nonce: number): Promise<Past | undefined> {
    if (nonce < 1 || nonce >= nextNonce || pending?.nonce === nonce) return undefined;
    const [past] = await this.history(id, nonce, 1);
    return past?.nonce === nonce ? past : undefined;
  }
}
