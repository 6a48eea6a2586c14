import type { Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, type Applied, type Decision, type Placeable } from '../kernel/aggregate.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import { type Moved, unmoved } from '../kernel/signed_change.ts';
import { acknowledgeNotices } from '../messages/follow_up.ts';
import type { Notices } from '../messages/notifications.ts';
import type { Command, Event, SignedCommand } from './commands.ts';
import { assertConserved } from './conservation.ts';
import { decide } from './decide.ts';
import { paymentFacts } from './facts.ts';
import { PAYMENT_CHANNELS_INDEX, placesOf } from './indexes.ts';
import { asOf, type Past, type PaymentChannel } from './state.ts';
import { HISTORY } from './transfers.ts';

export const PAYMENT = 'payment_channel';

/** `terms` never changes; `dispute` is large, and there only while one lasts. */
const paymentType: AggregateType<PaymentChannel, Command, Event, Moved> = {
  kind: PAYMENT,
  listedIn: PAYMENT_CHANNELS_INDEX,
  places: placesOf,
  parse: ({ terms = '{}', course = '{}', dispute = 'null' }) => ({
    ...parseMicroJson<PaymentChannel>(terms),
    ...parseMicroJson(course),
    dispute: parseMicroJson(dispute),
  }),
  change(after, before) {
    const { balances, nonce, nextNonce, pending, lastState, closing, noticesDueMs, dispute, ...terms } = after;
    return {
      fields: {
        course: microJson({ balances, nonce, nextNonce, pending, lastState, closing, noticesDueMs }),
        ...(!before && { terms: microJson(terms) }),
        ...(dispute && dispute !== before?.dispute && { dispute: microJson(dispute) }),
      },
      deadlineMs: deadlineMs(after),
    };
  },
  decide: decideConserved,
  facts: paymentFacts,
};

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

/** When somebody has to look after it next. */
function deadlineMs({ noticesDueMs, dispute, closing }: PaymentChannel): number | null {
  return dispute && !closing ? dispute.endsAtMs : noticesDueMs;
}

/** The payment channels in the store. */
export class Payments {
  readonly #store: Pick<Store, 'nowMs' | 'range'>;
  readonly #notices: Pick<Notices, 'acknowledge'>;
  readonly #aggregates: Aggregates<PaymentChannel, Command, Event, Moved>;

  constructor(store: Store, notices: Pick<Notices, 'acknowledge'>) {
    this.#store = store;
    this.#notices = notices;
    this.#aggregates = new Aggregates(store, paymentType);
  }

  /** As it is kept: one whose challenge period is over may still be disputed. */
  stored(id: string): Promise<PaymentChannel | undefined> {
    return this.#aggregates.read(id);
  }

  /** As it is now. */
  async read(id: string): Promise<PaymentChannel | undefined> {
    const channel = await this.#aggregates.read(id);
    return channel && asOf(channel, await this.#store.nowMs());
  }

  /** Many as they are now, in the order of `ids`. */
  async readMany(ids: readonly string[]): Promise<(PaymentChannel | undefined)[]> {
    const [channels, nowMs] = await Promise.all([this.#aggregates.readMany(ids), this.#store.nowMs()]);
    return channels.map((channel) => channel && asOf(channel, nowMs));
  }

  /** For upkeep: see `Aggregates.placeAnew`. */
  get placeable(): Placeable {
    return this.#aggregates;
  }

  /**
   * Once a channel is closed its notices are acknowledged too, unless the store is away then.
   *
   * @throws StoreUnavailable the outcome is unknown
   */
  async apply(id: string, command: Exclude<Command, SignedCommand>): Promise<Applied<PaymentChannel, Event>> {
    return unmoved(await this.#apply(id, command));
  }

  /** As `apply`, for `signedChange`. */
  applySigned(id: string, command: SignedCommand): Promise<Applied<PaymentChannel, Event> | Moved> {
    return this.#apply(id, command);
  }

  async #apply(id: string, command: Command): Promise<Applied<PaymentChannel, Event> | Moved> {
    const applied = await this.#aggregates.apply(id, command);
    if (applied.ok && applied.state.noticesDueMs !== null) {
      await acknowledgeNotices(this.#notices, applied.state.notices ?? [], () =>
        this.#aggregates.apply(id, { type: 'notices_settled' }),
      );
    }
    return applied;
  }

  /** What history holds under nonces from `from` on, by nonce. */
  async history(id: string, from: number, limit: number): Promise<Past[]> {
    const found = await this.#store.range({ kind: PAYMENT, id }, HISTORY, from, limit);
    return found.map(({ value }) => parseMicroJson<Past>(value));
  }

  async past({ id, nextNonce }: PaymentChannel, nonce: number): Promise<Past | undefined> {
    if (nonce < 1 || nonce >= nextNonce) return undefined;
    const [past] = await this.history(id, nonce, 1);
    return past?.nonce === nonce ? past : undefined;
  }
}
