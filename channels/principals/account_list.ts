import { byCreation } from '../kernel/lists/order.ts';
import { refuse } from '../kernel/reasons.ts';
import { accountView, type RegisteredAccount } from './account.ts';
import { accountsIndex } from './indexes.ts';
import type { List } from './list_route.ts';
import type { RegisteredAccounts } from './principals.ts';

/** `GET /api/users`, `GET /api/apps`: the admin's. */
export function accountList(accounts: RegisteredAccounts): List<RegisteredAccount, never> {
  return {
    name: `${accounts.kind}s`,
    checks: {},
    needsUpkeep: () => true,
    view: (found) => found.map(accountView),

    async source(principal) {
      if (principal.kind !== 'admin') return refuse('forbidden');
      return {
        ok: true,
        order: byCreation,
        indexes: [accountsIndex(accounts.kind)],
        async read(ids) {
          const found = await accounts.readProfiles(ids);
          return found.map((account) => account && { item: account, insertedAtMs: account.insertedAtMs });
        },
      };
    },
  };
}
