import { CreditAccounts } from '../../../channels/credits/credit_accounts.ts';
import { EarningsAccounts } from '../../../channels/credits/earnings_accounts.ts';
import { PaymentsOfSessions } from '../../../channels/credits/payments_of_sessions.ts';
import { Aggregates } from '../../../channels/kernel/aggregate.ts';
import { micro } from '../../../channels/kernel/money.ts';
import { applySigned } from '../../../channels/kernel/signed_change.ts';
import { Messages } from '../../../channels/messages/messages.ts';
import { Negotiations } from '../../../channels/negotiation/negotiations.ts';
import type { Negotiation } from '../../../channels/negotiation/state.ts';
import { Payments } from '../../../channels/payment/payments.ts';
import type { Past, PaymentChannel } from '../../../channels/payment/state.ts';
import { sessionType } from '../../../channels/session/codec.ts';
import { taskType } from '../../../channels/task/codec.ts';
import type { EndTask } from '../../../channels/task/commands.ts';
import { silentLog } from '../../../server/index.ts';
import type { Store } from '../../../server/store/port.ts';
import { acceptance, terms as negotiationTerms, offer, rejection } from '../negotiation/fixtures.ts';
import { acknowledge, close, dispute, terms as paymentTerms, propose } from '../payment/fixtures.ts';
import type { Balances, Channel, Ending, Message, Platform, Session, Talk, Task, Transfer } from './day.ts';

const ENDINGS: Readonly<Record<Ending, EndTask['as']>> = {
  completed: { status: 'completed', result: 1 },
  failed: { status: 'failed', error: { type: 'e', details: {} } },
  cancelled: { status: 'cancelled', reason: 'r' },
};

/** The rules alone, on a store: thousands of deeds in a second. */
export class Rules implements Platform {
  /** May be opened anew in between. */
  readonly #store: () => Store;

  constructor(store: () => Store) {
    this.#store = store;
  }

  async createTask({ id, client, provider, capability, priceMicro }: Task): Promise<void> {
    const fields = {
      id,
      clientAgentId: client,
      providerAgentId: provider,
      appId: null,
      creatorAgentId: client,
      capability,
      priceMicro,
      metadata: {},
    };
    await taken(this.#tasks().apply(id, { type: 'create', fields, request: id, notices: [] }));
  }

  async startTask({ id }: Task): Promise<void> {
    await taken(this.#tasks().apply(id, { type: 'report_progress', by: 'provider', percent: 1, message: undefined }));
  }

  async endTask({ id }: Task, as: Ending): Promise<void> {
    await taken(this.#tasks().apply(id, { type: 'end', by: 'provider', retentionMs: 1e9, as: ENDINGS[as] }));
  }

  async send({ id, from, to }: Message): Promise<void> {
    await taken(this.#mail().send(from, { id, to_agent_id: to, type: 'note', payload: {} }));
  }

  async settle({ id, to }: Message, as: 'acknowledged' | 'rejected'): Promise<void> {
    await taken(this.#mail().settle(to, id, as, as === 'rejected' ? 'no' : undefined));
  }

  async openSession({ id, client, provider }: Session): Promise<void> {
    const terms = { ...negotiationTerms, id, clientAgentId: client, providerAgentId: provider };
    await taken(
      new Negotiations(this.#store(), noNotices).apply(id, {
        type: 'open',
        terms,
        expiresInMs: 3_600_000,
        notices: [],
      }),
    );
  }

  offer = ({ id }: Session, by: 'client' | 'provider', amount: string) => this.#negotiate(id, offer(by, amount));
  accept = ({ id }: Session) => this.#negotiate(id, acceptance('client', '1.25'));
  reject = ({ id }: Session) => taken(new Negotiations(this.#store(), noNotices).apply(id, rejection('provider')));

  async openChannel({ id, a, b }: Channel): Promise<void> {
    const terms = { ...paymentTerms, id, agentA: a, agentB: b };
    await taken(new Payments(this.#store(), noNotices).apply(id, { type: 'open', terms, notices: [] }));
  }

  propose = ({ id }: Channel, { nonce, amount }: Transfer) =>
    this.#pay(id, nonce, (before) => propose('a', amount, { nonce, ...before, signature: `a pays ${nonce}` }));
  acknowledge = ({ id }: Channel, { nonce, amount }: Transfer) =>
    this.#pay(id, nonce, (before) => acknowledge('b', amount, { nonce, ...before, signature: `b takes ${nonce}` }));
  dispute = ({ id }: Channel) => this.#pay(id, 0, () => () => dispute('a'));
  close = ({ id }: Channel, nonce: number, [a, b]: Balances) => this.#pay(id, nonce, () => close('a', a, b));

  async openTalk({ id, user, agent }: Talk): Promise<void> {
    const terms = { id, userId: user, capability: null, autoPay: null, tiedTo: null, request: id };
    const create = { type: 'create', terms, agent: { id: agent, name: agent }, notices: [] } as const;
    await taken(this.#talks().apply(id, create));
  }

  ask = (talk: Talk, id: string) => taken(this.#talks().apply(talk.id, { type: 'user_message', id, content: 'w' }));
  answer = (talk: Talk, id: string, final: boolean) =>
    taken(this.#talks().apply(talk.id, { type: 'agent_message', id, content: 'w', executionId: undefined, final }));
  endTalk = ({ id }: Talk) => taken(this.#talks().apply(id, { type: 'close', by: 'agent', reason: 'r' }));

  async payFromCredits(talk: Talk, id: string, amount: string): Promise<void> {
    const talks = this.#talks();
    const payment = { id, amountMicro: micro(amount) };
    const request = { ...payment, type: 'request_payment', requestId: id, paymentId: id } as const;
    const asked = await talks.apply(talk.id, { ...request, action: 'chat', description: 'd' });
    await taken(Promise.resolve(asked));
    if (!asked.ok || asked.events.length === 0) return;
    await taken(talks.apply(talk.id, { type: 'answer', requestId: id, approved: true }));
    const users = new CreditAccounts(this.#store());
    await taken(users.apply(talk.user, { ...payment, type: 'credit' }));
    const credits = new PaymentsOfSessions(users, new EarningsAccounts(this.#store()));
    expect(await credits.pay({ ...payment, userId: talk.user, agentId: talk.agent, sessionId: talk.id })).toBe(
      'booked',
    );
    await taken(talks.apply(talk.id, { type: 'settle_payment', requestId: id }));
  }

  #talks() {
    return new Aggregates(this.#store(), sessionType);
  }

  #tasks() {
    return new Aggregates(this.#store(), taskType);
  }

  #mail(): Messages {
    const agents = { read: async (id: string) => ({ id, status: 'active' }) as never };
    return new Messages({ store: this.#store(), agents, log: silentLog, onPlaced() {}, onSettled() {} });
  }

  #negotiate(id: string, command: (state: Negotiation) => Parameters<Negotiations['applySigned']>[1]): Promise<void> {
    const negotiations = new Negotiations(this.#store(), noNotices);
    const read = () => negotiations.read(id);
    return taken(applySigned({ what: id, read, apply: (state) => negotiations.applySigned(id, command(state)) }));
  }

  #pay(
    id: string,
    nonce: number,
    command: (before: { past?: Past }) => (state: PaymentChannel) => Parameters<Payments['applySigned']>[1],
  ): Promise<void> {
    const payments = new Payments(this.#store(), noNotices);
    const apply = async (channel: PaymentChannel) => {
      const past = await payments.past(channel, nonce);
      return payments.applySigned(id, command(past ? { past } : {})(channel));
    };
    return taken(applySigned({ what: id, read: () => payments.stored(id), apply }));
  }
}

const noNotices = { acknowledge: async () => {} };

async function taken(decided: Promise<{ readonly ok: boolean }>): Promise<void> {
  expect(await decided).toMatchObject({ ok: true });
}
