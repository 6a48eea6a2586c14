import type { Store } from '../../server/store/index.ts';
import { Aggregates, type Applied } from '../kernel/aggregate.ts';
import { BALANCES, BALANCES_AND_SPENT, creditsType, USER_CREDITS } from './codec.ts';
import type { CreditCommand, CreditEvent } from './commands.ts';
import { readLedger } from './ledger.ts';
import type { CreditAccount, LedgerEntry } from './state.ts';

/** The accounts of users in the store, by the user's id. */
export class CreditAccounts {
  readonly #store: Pick<Store, 'range'>;
  readonly #aggregates: Aggregates<CreditAccount, CreditCommand, CreditEvent>;

  constructor(store: Store) {
    this.#store = store;
    this.#aggregates = new Aggregates(store, creditsType);
  }

  /** Without its single payments and credits; `undefined` before the first of them. */
  read(userId: string): Promise<CreditAccount | undefined> {
    return this.#aggregates.read(userId, BALANCES_AND_SPENT);
  }

  /** In the order of `userIds`, without what auto-pay has spent. */
  readMany(userIds: readonly string[]): Promise<(CreditAccount | undefined)[]> {
    return this.#aggregates.readMany(userIds, BALANCES);
  }

  /** Of the state that it resolves to, single payments and credits are those that commands of this commit are about. */
  apply(userId: string, command: CreditCommand): Promise<Applied<CreditAccount, CreditEvent>> {
    return this.#aggregates.apply(userId, command);
  }

  /** @param after the `seq` behind which it begins */
  ledger(userId: string, after: number, limit: number): Promise<LedgerEntry[]> {
    return readLedger(this.#store, { kind: USER_CREDITS, id: userId }, after, limit);
  }
}
