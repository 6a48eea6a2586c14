import type { Store } from '../../server/store/index.ts';
import { Aggregates, type Applied } from '../kernel/aggregate.ts';
import { AGENT_EARNINGS, BALANCES, earningsType } from './codec.ts';
import type { EarningsCommand, EarningsEvent } from './commands.ts';
import { readLedger } from './ledger.ts';
import type { EarningsAccount, LedgerEntry } from './state.ts';

/** The earnings of agents, in the store, by the agent's id. */
export class EarningsAccounts {
  readonly #store: Pick<Store, 'range'>;
  readonly #aggregates: Aggregates<EarningsAccount, EarningsCommand, EarningsEvent>;

  constructor(store: Store) {
    this.#store = store;
    this.#aggregates = new Aggregates(store, earningsType);
  }

  /** Without its single payments and payouts; `undefined` before the first payment. */
  read(agentId: string): Promise<EarningsAccount | undefined> {
    return this.#aggregates.read(agentId, BALANCES);
  }

  /** In the order of `agentIds`. */
  readMany(agentIds: readonly string[]): Promise<(EarningsAccount | undefined)[]> {
    return this.#aggregates.readMany(agentIds, BALANCES);
  }

  /** Of the state that it resolves to, single payments and payouts are those that commands of this commit are about. */
  apply(agentId: string, command: EarningsCommand): Promise<Applied<EarningsAccount, EarningsEvent>> {
    return this.#aggregates.apply(agentId, command);
  }

  /** @param after the `seq` behind which it begins */
  ledger(agentId: string, after: number, limit: number): Promise<LedgerEntry[]> {
    return readLedger(this.#store, { kind: AGENT_EARNINGS, id: agentId }, after, limit);
  }
}
