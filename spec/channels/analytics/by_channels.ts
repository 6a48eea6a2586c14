import { usdc } from '../../../channels/kernel/money.ts';
import type { SessionAnswer } from '../session/people.ts';
import type { Balances, Channel, Ending, Message, Platform, Session, Talk, Task, Transfer } from './day.ts';
import type { People } from './people.ts';

const DAY_MS = 86_400_000;
const ENDINGS: Readonly<Record<Ending, [event: string, payload: object]>> = {
  completed: ['complete', { result: 1 }],
  failed: ['error', { type: 'e', details: {} }],
  cancelled: ['cancel', { reason: 'r' }],
};

/** Everything through sockets and HTTP calls, as clients do it. */
export class Channels implements Platform {
  readonly #people: People;

  constructor(people: People) {
    this.#people = people;
  }

  createTask({ id, client, provider, capability, priceMicro }: Task, at: number): Promise<void> {
    const price = priceMicro === null ? null : usdc(priceMicro);
    return this.#people.create(client, at, '/api/tasks', { id, provider_agent_id: provider, capability, price });
  }

  startTask({ id, provider }: Task, at: number): Promise<void> {
    return this.#people.push(provider, at, `task:${id}`, 'progress', { percent: 1 });
  }

  endTask({ id, provider }: Task, as: Ending, at: number): Promise<void> {
    return this.#people.push(provider, at, `task:${id}`, ...ENDINGS[as]);
  }

  send({ id, from, to }: Message, at: number): Promise<void> {
    const message = { id, to_agent_id: to, type: 'note', payload: {} };
    return this.#people.push(from, at, `messages:${from}`, 'send_message', message);
  }

  settle({ id, to }: Message, as: 'acknowledged' | 'rejected', at: number): Promise<void> {
    const [event, why] = as === 'rejected' ? ['reject', { reason: 'no' }] : ['acknowledge', {}];
    return this.#people.push(to, at, `messages:${to}`, event, { message_id: id, ...why });
  }

  openSession({ id, client, provider }: Session, at: number): Promise<void> {
    const body = { id, provider_agent_id: provider, base_price: '1', capability: 'chat' };
    return this.#people.create(client, at, '/api/negotiations', body);
  }

  offer(session: Session, by: 'client' | 'provider', amount: string, at: number): Promise<void> {
    const signature = this.#people.sign(session[by], 'negotiation.offer', {
      ...agreementFields(session, session[by]),
      amount,
    });
    return this.#negotiate(session, by, 'offer', { amount, signature }, at);
  }

  accept(session: Session, at: number): Promise<void> {
    const signature = this.#people.sign(session.client, 'negotiation.accept', {
      ...agreementFields(session, session.client),
      amount: '1.25',
      client_offer_amount: '1',
      provider_offer_amount: '1.5',
    });
    return this.#negotiate(session, 'client', 'accept', { amount: '1.25', signature }, at);
  }

  reject(session: Session, at: number): Promise<void> {
    return this.#negotiate(session, 'provider', 'reject', { reason: 'too dear' }, at);
  }

  openChannel({ id, a, b }: Channel, at: number): Promise<void> {
    const terms = { agent_a: a, agent_b: b, deposit_a: '10', deposit_b: '5', challenge_period_ms: 30 * DAY_MS };
    const signed = { channel_id: id, ...terms };
    return this.#people.create(a, at, '/api/payment_channels', {
      id,
      ...terms,
      signature_a: this.#people.sign(a, 'payment.open', signed),
      signature_b: this.#people.sign(b, 'payment.open', signed),
    });
  }

  propose(channel: Channel, transfer: Transfer, at: number): Promise<void> {
    return this.#transfer(channel, transfer, channel.a, 'propose_transfer', at);
  }

  acknowledge(channel: Channel, transfer: Transfer, at: number): Promise<void> {
    return this.#transfer(channel, transfer, channel.b, 'acknowledge_transfer', at);
  }

  dispute({ id, a }: Channel, at: number): Promise<void> {
    return this.#people.push(a, at, `payment:${id}`, 'dispute', { reason: 'gone silent', evidence: {} });
  }

  close({ id, a, b }: Channel, nonce: number, [ofA, ofB]: Balances, at: number): Promise<void> {
    const final = { final_balance_a: ofA, final_balance_b: ofB };
    const signed = { channel_id: id, nonce, ...final };
    return this.#people.push(a, at, `payment:${id}`, 'close', {
      ...final,
      signature_a: this.#people.sign(a, 'payment.close', signed),
      signature_b: this.#people.sign(b, 'payment.close', signed),
    });
  }

  openTalk({ id, user, agent }: Talk, at: number): Promise<void> {
    return this.#people.create(user, at, '/api/sessions', { id, agent_id: agent });
  }

  ask({ id, user }: Talk, question: string, at: number): Promise<void> {
    const isStored = ({ entries }: SessionAnswer) => entries.some((entry) => entry.id === question);
    return this.#people.say(user, at, id, 'USER_MESSAGE', () => ({ content: 'w', id: question }), isStored);
  }

  answer({ id, agent }: Talk, answer: string, final: boolean, at: number): Promise<void> {
    return this.#people.push(agent, at, `session:${id}`, 'agent_message', { content: 'w', final, id: answer });
  }

  async payFromCredits({ id, user, agent }: Talk, request: string, amount: string, at: number): Promise<void> {
    const payload = { id: request, amount_usdc: amount, action: 'chat', description: 'd' };
    await this.#people.push(agent, at, `session:${id}`, 'request_payment', payload);
    const approval = ({ session }: SessionAnswer) => {
      const { request_id } = session.pending_payment as { request_id: string };
      return { approved: true, request_id };
    };
    const isPaid = ({ session }: SessionAnswer) => session.pending_payment === null;
    await this.#people.say(user, at, id, 'PAYMENT_RESPONSE', approval, isPaid);
  }

  endTalk({ id, agent }: Talk, at: number): Promise<void> {
    return this.#people.push(agent, at, `session:${id}`, 'close_session', { reason: 'r' });
  }

  #negotiate(session: Session, by: 'client' | 'provider', event: string, payload: object, at: number): Promise<void> {
    return this.#people.push(session[by], at, `negotiation:${session.id}`, event, payload);
  }

  #transfer({ id, a, b }: Channel, transfer: Transfer, by: string, event: string, at: number): Promise<void> {
    const { nonce, amount, balances } = transfer;
    const signature = this.#people.sign(by, 'payment.state', {
      channel_id: id,
      nonce,
      from_agent_id: a,
      to_agent_id: b,
      amount,
      balance_a: balances[0],
      balance_b: balances[1],
    });
    return this.#people.push(by, at, `payment:${id}`, event, { amount, nonce, signature });
  }
}

const agreementFields = ({ id, client, provider }: Session, agent: string) => ({
  session_id: id,
  client_agent_id: client,
  provider_agent_id: provider,
  capability: 'chat',
  agent_id: agent,
});
