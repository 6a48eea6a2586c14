import Type, { type Static } from 'typebox';
import { Id } from '../kernel/ids.ts';
import { PositiveAmount } from '../kernel/money.ts';

/** Body of `POST /api/users/{id}/credits`. */
export const CreditRequest = Type.Object({
  id: Id,
  amount_usdc: PositiveAmount,
  note: Type.Optional(Type.String({ maxLength: 1_024 })),
});
export type CreditRequest = Static<typeof CreditRequest>;

/** Body of `POST /api/agents/{id}/payouts`. */
export const PayoutRequest = Type.Object({
  id: Id,
  amount_usdc: PositiveAmount,
  tx_hash: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
});
export type PayoutRequest = Static<typeof PayoutRequest>;
