import { micro } from '../../../channels/kernel/money.ts';
import type { Accept, MakeOffer, Reject } from '../../../channels/negotiation/decide.ts';
import { acceptLines, type Negotiation, offerLines, type Role } from '../../../channels/negotiation/state.ts';
import { NOW_MS } from '../kernel/scenario.ts';

export const terms = {
  id: 'neg-1',
  clientAgentId: 'agent-1',
  providerAgentId: 'agent-7',
  clientPublicKey: 'the client’s key',
  providerPublicKey: 'the provider’s key',
  capability: 'chat',
  basePriceMicro: micro('1'),
  isPriceAnnounced: true,
  creatorId: 'agent-1',
  registration: 'digest',
};

export const negotiation = (fields: Partial<Negotiation> = {}): Negotiation => ({
  ...terms,
  expiresAtMs: NOW_MS + 1_000,
  noticesDueMs: null,
  status: 'open',
  history: [],
  ...fields,
});

/** A signed offer; `signature` tells offers of one amount apart. */
export const offer =
  (by: Role, amount: string, { signature = `${by} offers ${amount}`, isGood = true } = {}) =>
  (state: Negotiation): MakeOffer => ({
    type: 'offer',
    by,
    amountMicro: micro(amount),
    signature,
    verdict: { lines: offerLines(state, by, micro(amount)), isGood },
  });

export const acceptance =
  (by: Role, amount: string, { isGood = true } = {}) =>
  (state: Negotiation): Accept => {
    const lines = acceptLines(state, by, micro(amount));
    const verdict = lines === undefined ? undefined : { lines, isGood };
    return { type: 'accept', by, amountMicro: micro(amount), signature: `${by} accepts ${amount}`, verdict };
  };

export const rejection = (by: Role, reason = 'too dear'): Reject => ({ type: 'reject', by, reason });
