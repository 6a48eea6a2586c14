import { createHash } from 'node:crypto';
import { Aggregates } from '../../../channels/aggregate.ts';
import { Messages } from '../../../channels/messages/messages.ts';
import { usdc } from '../../../channels/money.ts';
import { Sessions } from '../../../channels/negotiation/sessions.ts';
import { Payments } from '../../../channels/payment/payments.ts';
import { openPrincipals } from '../../../channels/principals/principals.ts';
import { taskType } from '../../../channels/task/codec.ts';
import type { EndTask } from '../../../channels/task/commands.ts';
import { silentLog } from '../../../server/index.ts';
import type { Store } from '../../../server/store/port.ts';
import { acceptance, terms as negotiationTerms, offer, rejection } from '../negotiation/fixtures.ts';
import { acknowledge, close, dispute, terms as paymentTerms, propose } from '../payment/fixtures.ts';
import type { Deed } from './plain_figures.ts';

export const OWNERS: Readonly<Record<string, string | null>> = { a1: 'u1', a2: 'u1', a3: 'u2', a4: 'u2', a5: null };
export const AGENTS = Object.keys(OWNERS);

/** Numbers that look random and are the same in every run. */
export function dice(seed: string) {
  let rolled = 0;
  const roll = (below: number) => createHash('md5').update(`${seed} ${rolled++}`).digest().readUInt32LE() % below;
  const one = <T>(of: readonly T[]): T => {
    const found = of[roll(of.length)];
    if (found === undefined) throw new Error('nothing to choose from');
    return found;
  };
  const two = (of: readonly string[]): [string, string] => {
    const first = one(of);
    return [first, one(of.filter((each) => each !== first))];
  };
  return { roll, one, two };
}

type Dice = ReturnType<typeof dice>;

interface OpenTask {
  readonly id: string;
  readonly client: string;
  readonly provider: string;
  readonly createdAtMs: number;
  readonly capability: string | null;
  readonly priceMicro: bigint | null;
}

/** Agents that do business through the aggregates of the platform, and a list of what they did. */
export class Business {
  readonly deeds: Deed[] = [];
  readonly online = new Set<string>();
  #tasks: OpenTask[] = [];
  #messages: { id: string; from: string; to: string }[] = [];
  readonly #dice: Dice;
  readonly #nowMs: () => number;
  #made = 0;
  #store: Store;

  constructor(store: Store, seed: string, nowMs: () => number) {
    this.#store = store;
    this.#dice = dice(seed);
    this.#nowMs = nowMs;
  }

  /** Goes on with the same data, opened anew. */
  movedTo(store: Store): void {
    this.#store = store;
  }

  async register(): Promise<void> {
    const { agents } = openPrincipals(this.#store);
    for (const [id, userId] of Object.entries(OWNERS)) {
      const fields = { name: id, publicKey: id, userId, capabilities: [], metadata: {} };
      await agents.register('admin', id, fields as never);
      await agents.register('admin', id, fields as never);
    }
  }

  /** Something that somebody may do now. Whoever is impatient does it twice. */
  async step(): Promise<void> {
    const { roll, one } = this.#dice;
    const agent = one(AGENTS);
    if (roll(4) === 0) this.online[this.online.has(agent) ? 'delete' : 'add'](agent);
    switch (roll(7)) {
      case 0:
      case 1:
        return this.#createTask();
      case 2:
      case 3:
        return this.#endTask();
      case 4:
        return roll(2) === 0 ? this.#send() : this.#settle();
      case 5:
        return this.#negotiate();
      default:
        return this.#pay();
    }
  }

  #id = (word: string) => `${word}-${++this.#made}`;

  #did(deed: Deed extends infer D ? (D extends Deed ? Omit<D, 'atMs'> : never) : never): void {
    this.deeds.push({ ...deed, atMs: this.#nowMs() } as Deed);
  }

  async #twice<T extends { readonly ok: boolean }>(apply: () => Promise<T>): Promise<T> {
    const first = await apply();
    expect(first).toMatchObject({ ok: true });
    if (this.#dice.roll(3) === 0) expect(await apply()).toMatchObject({ ok: true });
    return first;
  }

  async #createTask(): Promise<void> {
    const { roll, one, two } = this.#dice;
    const [client, provider] = two(AGENTS);
    const capability = one(['chat', 'draw', null]);
    const priceMicro = roll(4) === 0 ? null : BigInt(roll(5_000_000));
    const id = this.#id('task');
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
    const tasks = new Aggregates(this.#store, taskType);
    await this.#twice(() => tasks.apply(id, { type: 'create', fields, request: id }));
    this.#tasks.push({ id, client, provider, createdAtMs: this.#nowMs(), capability, priceMicro });
    this.#did({ did: 'create_task', client, provider });
    if (roll(2)) await tasks.apply(id, { type: 'report_progress', by: 'provider', percent: 1, message: undefined });
  }

  async #endTask(): Promise<void> {
    if (this.#tasks.length === 0) return;
    const { one } = this.#dice;
    const task = one(this.#tasks);
    this.#tasks = this.#tasks.filter((each) => each !== task);
    const as = one(['completed', 'completed', 'failed', 'cancelled'] as const);
    const endings: Record<typeof as, EndTask['as']> = {
      completed: { status: 'completed', result: 1 },
      failed: { status: 'failed', error: { type: 'e', details: {} } },
      cancelled: { status: 'cancelled', reason: 'r' },
    };
    const command = { type: 'end', by: 'provider', retentionMs: 1e9, as: endings[as] } as const;
    const tasks = new Aggregates(this.#store, taskType);
    await this.#twice(() => tasks.apply(task.id, command));
    this.#did({ did: 'end_task', as, ...task });
  }

  #mail(): Messages {
    const agents = { read: async (id: string) => ({ id, status: 'active' }) as never };
    return new Messages({ store: this.#store, agents, log: silentLog, onPlaced() {}, onSettled() {} });
  }

  async #send(): Promise<void> {
    const [from, to] = this.#dice.two(AGENTS);
    const request = { id: this.#id('message'), to_agent_id: to, type: 'note', payload: {} };
    const mail = this.#mail();
    await this.#twice(() => mail.send(from, request));
    this.#messages.push({ id: request.id, from, to });
    this.#did({ did: 'send', from });
  }

  async #settle(): Promise<void> {
    if (this.#messages.length === 0) return;
    const { one } = this.#dice;
    const { id, from, to } = one(this.#messages);
    this.#messages = this.#messages.filter((message) => message.id !== id);
    const as = one(['acknowledged', 'rejected'] as const);
    const mail = this.#mail();
    await this.#twice(() => mail.settle(to, id, as, as === 'rejected' ? 'no' : undefined));
    this.#did({ did: as === 'acknowledged' ? 'acknowledge' : 'reject', from });
  }

  async #negotiate(): Promise<void> {
    const { roll, two } = this.#dice;
    const [client, provider] = two(AGENTS);
    const sessions = new Sessions(this.#store);
    const id = this.#id('negotiation');
    const terms = { ...negotiationTerms, id, clientAgentId: client, providerAgentId: provider };
    await this.#twice(() => sessions.apply(id, { type: 'open', terms, expiresInMs: 3_600_000 }));
    this.#did({ did: 'open', client, provider });
    const apply = async (make: (state: never) => Parameters<Sessions['apply']>[1]) =>
      sessions.apply(id, make((await sessions.read(id)) as never));
    const outcome = roll(3);
    if (outcome === 1) {
      await this.#twice(() => sessions.apply(id, rejection('provider')));
      this.#did({ did: 'disagree', client, provider });
    }
    if (outcome !== 2) return;
    await apply(offer('client', '1') as never);
    await apply(offer('provider', '1.5') as never);
    await this.#twice(() => apply(acceptance('client', '1.25') as never));
    this.#did({ did: 'agree', client, provider });
  }

  async #pay(): Promise<void> {
    const { roll, two } = this.#dice;
    const [agentA, agentB] = two(AGENTS);
    const payments = new Payments(this.#store);
    const id = this.#id('channel');
    const terms = { ...paymentTerms, id, agentA, agentB };
    await payments.apply(id, { type: 'open', terms });
    const apply = async (make: (state: never) => unknown) =>
      payments.apply(id, make((await payments.stored(id)) as never) as Parameters<Payments['apply']>[1]);
    let [a, b] = [10_000_000n, 5_000_000n];
    for (let at = roll(3); at >= 0; at--) {
      const micro = BigInt(1 + roll(900_000));
      await apply(propose('a', usdc(micro)) as never);
      expect(await apply(acknowledge('b', usdc(micro)) as never)).toMatchObject({ ok: true });
      [a, b] = [a - micro, b + micro];
      this.#did({ did: 'pay', from: agentA, to: agentB, micro });
    }
    if (roll(3) === 0) {
      await this.#twice(() => payments.apply(id, dispute('a')));
      this.#did({ did: 'dispute', one: agentA, other: agentB });
    }
    if (roll(2) === 0) return;
    const micro = BigInt(roll(3)) * 1_000n;
    await this.#twice(() => apply(close('a', usdc(a + micro), usdc(b - micro)) as never));
    if (micro > 0n) this.#did({ did: 'move_by_close', from: agentB, to: agentA, micro });
  }
}
