import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Log } from '../../server/index.ts';
import { type IndexHit, type Store, StoreUnavailable } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import { usdc } from '../kernel/money.ts';
import type { DomainGauge } from '../principals/domain.ts';
import { AGENT_EARNINGS_INDEX, USER_CREDITS_INDEX } from './codec.ts';
import type { CreditAccounts } from './credit_accounts.ts';
import type { EarningsAccounts } from './earnings_accounts.ts';
import { inFlightMicro } from './state.ts';

/** The money in all accounts together. */
export interface Sums {
  readonly creditsMicro: bigint;
  readonly balancesMicro: bigint;
  readonly inFlightMicro: bigint;
  readonly unpaidMicro: bigint;
  readonly payoutsMicro: bigint;
}

/** Accounts that are read at a time. */
const PAGE = 200;
/** The latest sums are kept so many times as long as it took to add them up. */
const KEPT_TIMES = 9;
/** Longest time for which a scrape waits for new sums; after that it takes the former ones. */
const SCRAPE_WAITS_MS = 1_000;

export interface SumsOptions {
  readonly store: Pick<Store, 'lookup'>;
  readonly users: Pick<CreditAccounts, 'readMany'>;
  readonly agents: Pick<EarningsAccounts, 'readMany'>;
  readonly log: Log;
  /** Specs move it. */
  readonly nowMs?: () => number;
}

/**
 * Adds up all accounts for scrapes: page by page, with a turn for others after each, and at most for a tenth of the time,
 * however often somebody scrapes. A walk beside bookings finds some accounts before them and others afterwards: its sums
 * may differ by what was under way meanwhile.
 */
export class SumsOfAccounts {
  readonly #options: SumsOptions;
  readonly #nowMs: () => number;
  #latest: Sums | undefined;
  #walk: Promise<void> | undefined;
  #keptUntilMs = 0;

  constructor(options: SumsOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** @returns `undefined` until all accounts were added up for the first time */
  async read(): Promise<Sums | undefined> {
    if (this.#nowMs() >= this.#keptUntilMs) {
      this.#walk ??= this.#addUp().finally(() => {
        this.#walk = undefined;
      });
    }
    await Promise.race([this.#walk, setTimeout(SCRAPE_WAITS_MS, undefined, { ref: false })]);
    return this.#latest;
  }

  async #addUp(): Promise<void> {
    const startMs = this.#nowMs();
    try {
      this.#latest = await this.#sums();
    } catch (error) {
      const level = error instanceof StoreUnavailable ? 'warn' : 'error';
      this.#options.log[level]({ err: error }, 'adding up credits failed; the metrics keep the former sums');
    }
    const endMs = this.#nowMs();
    this.#keptUntilMs = endMs + KEPT_TIMES * (endMs - startMs);
  }

  async #sums(): Promise<Sums> {
    const { users, agents } = this.#options;
    let [creditsMicro, balancesMicro, flyingMicro, unpaidMicro, payoutsMicro] = [0n, 0n, 0n, 0n, 0n];
    for await (const account of this.#accounts(USER_CREDITS_INDEX, users)) {
      creditsMicro += account.creditedMicro;
      balancesMicro += account.balanceMicro;
      flyingMicro += inFlightMicro(account);
    }
    for await (const account of this.#accounts(AGENT_EARNINGS_INDEX, agents)) {
      unpaidMicro += account.balanceMicro;
      payoutsMicro += account.paidOutMicro;
    }
    return { creditsMicro, balancesMicro, inFlightMicro: flyingMicro, unpaidMicro, payoutsMicro };
  }

  /**
   * Reads the accounts of an index to its end, each once. On Redis a first commit that lost, or whose node died, leaves a
   * place of its own for a while: under another time than the account has, or right behind the one that counts.
   */
  async *#accounts<A extends { readonly insertedAtMs: number }>(
    index: string,
    accounts: { readMany(ids: readonly string[]): Promise<(A | undefined)[]> },
  ): AsyncIterable<A> {
    let after: IndexHit | undefined;
    for (;;) {
      const hits = await this.#options.store.lookup(index, { limit: PAGE, ...(after && { after }) });
      if (hits.length === 0) return;
      const found = await accounts.readMany(hits.map(({ id }) => id));
      for (const [at, hit] of hits.entries()) {
        const account = found[at];
        const isRepeat = after !== undefined && hit.key === after.key && hit.id === after.id;
        if (account && !isRepeat && hit.key === placeKey(account.insertedAtMs)) yield account;
        after = hit;
      }
      if (hits.length < PAGE) return;
      await setImmediate();
    }
  }
}

/** The metrics of credits. They are gauges: each node shows what is stored for all of them. */
export function creditGauges(sums: Pick<SumsOfAccounts, 'read'>): DomainGauge[] {
  const gauge = (name: string, help: string, pick: (sums: Sums) => bigint): DomainGauge => ({
    name,
    help,
    async read() {
      const found = await sums.read();
      return found && Number(usdc(pick(found)));
    },
  });
  return [
    gauge('aerie_credits_usdc_total', 'Credits ever given to users', ({ creditsMicro }) => creditsMicro),
    gauge('aerie_user_balances_usdc', 'Balances of all users', ({ balancesMicro }) => balancesMicro),
    gauge('aerie_in_flight_usdc', 'Payments debited and not known to be credited', (found) => found.inFlightMicro),
    gauge('aerie_earnings_unpaid_usdc', 'Earnings of agents that are not paid out', ({ unpaidMicro }) => unpaidMicro),
    gauge('aerie_payouts_usdc_total', 'Earnings ever paid out to agents', ({ payoutsMicro }) => payoutsMicro),
    gauge('aerie_ledger_difference', 'Credits less balances, in flight, unpaid earnings and payouts', differenceMicro),
  ];
}

const differenceMicro = (sums: Sums) =>
  sums.creditsMicro - sums.balancesMicro - sums.inFlightMicro - sums.unpaidMicro - sums.payoutsMicro;
