import type { AggregateId, Store, StreamChange } from '../../server/store/index.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import type { LedgerEntry } from './state.ts';

/** The stream of an account that holds all its bookings, by `seq`. */
const LEDGER = 'ledger';

export const ledgerChange = (entry: LedgerEntry): StreamChange => ({
  stream: LEDGER,
  position: entry.seq,
  value: microJson(entry),
});

/** Reads entries in their order, none missing. @param after the `seq` behind which it begins */
export async function readLedger(
  store: Pick<Store, 'range'>,
  account: AggregateId,
  after: number,
  limit: number,
): Promise<LedgerEntry[]> {
  const found = await store.range(account, LEDGER, after + 1, limit);
  return found.map(({ value }) => parseMicroJson<LedgerEntry>(value));
}
