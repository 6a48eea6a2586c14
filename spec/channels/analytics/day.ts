import { createHash } from 'node:crypto';
import { usdc } from '../../../channels/kernel/money.ts';
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

export interface Task {
  readonly id: string;
  readonly client: string;
  readonly provider: string;
  readonly createdAtMs: number;
  readonly capability: string | null;
  readonly priceMicro: bigint | null;
}
export type Ending = 'completed' | 'failed' | 'cancelled';

export interface Message {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly sentAtMs: number;
}

/** Over a base price of 1 USDC. */
export interface Session {
  readonly id: string;
  readonly client: string;
  readonly provider: string;
}

/** With deposits of 10 and 5 USDC. */
export interface Channel {
  readonly id: string;
  readonly a: string;
  readonly b: string;
}

/** A session of a user with an agent. */
export interface Talk {
  readonly id: string;
  readonly user: string;
  readonly agent: string;
}

/** From a to b. */
export interface Transfer {
  readonly nonce: number;
  readonly amount: string;
  /** Balances of a and b after it. */
  readonly balances: Balances;
}
export type Balances = readonly [string, string];

/**
 * Commands of agents. Each may be given again, and is then taken for the same command.
 *
 * @param at 0 or 1: the entrance that is taken, where there is more than one
 */
export interface Platform {
  createTask(task: Task, at: number): Promise<void>;
  startTask(task: Task, at: number): Promise<void>;
  endTask(task: Task, as: Ending, at: number): Promise<void>;
  send(message: Message, at: number): Promise<void>;
  settle(message: Message, as: 'acknowledged' | 'rejected', at: number): Promise<void>;
  openSession(session: Session, at: number): Promise<void>;
  offer(session: Session, by: 'client' | 'provider', amount: string, at: number): Promise<void>;
  /** By the client, after offers of 1 and 1.5. */
  accept(session: Session, at: number): Promise<void>;
  /** By the provider. */
  reject(session: Session, at: number): Promise<void>;
  openChannel(channel: Channel, at: number): Promise<void>;
  propose(channel: Channel, transfer: Transfer, at: number): Promise<void>;
  acknowledge(channel: Channel, transfer: Transfer, at: number): Promise<void>;
  /** By a. */
  dispute(channel: Channel, at: number): Promise<void>;
  /** @param nonce of the last executed transfer */
  close(channel: Channel, nonce: number, balances: Balances, at: number): Promise<void>;
  openTalk(talk: Talk, at: number): Promise<void>;
  /** By the user. */
  ask(talk: Talk, id: string, at: number): Promise<void>;
  /** By the agent: the final answer to what was asked first, or something before it. */
  answer(talk: Talk, id: string, final: boolean, at: number): Promise<void>;
  /** From the credits of the user, who is asked and approves. */
  payFromCredits(talk: Talk, id: string, amount: string, at: number): Promise<void>;
  /** By the agent. */
  endTalk(talk: Talk, at: number): Promise<void>;
}

type Command = (at: number) => Promise<void>;

interface OpenTalk {
  readonly talk: Talk;
  readonly openedAtMs: number;
  /** When each question without a final answer was asked. */
  readonly askedAtMs: number[];
}

/** A session ends by itself a day after its last entry, and a user has a bounded number of them. */
const MAX_TALK_MS = 12 * 3_600_000;
const MAX_TALKS = 10;

/** Messages expire after a week, and what they became is forgotten. */
const REMEMBERED_MS = 5 * 86_400_000;

/** Agents that do business on a platform, and a list of what they did. */
export class Business {
  readonly deeds: Deed[] = [];
  readonly #platform: Platform;
  readonly #dice: Dice;
  readonly #nowMs: () => number;
  #tasks: Task[] = [];
  #messages: Message[] = [];
  #talks: OpenTalk[] = [];
  readonly #given: { readonly command: Command; readonly atMs: number }[] = [];
  #made = 0;

  constructor(platform: Platform, seed: string, nowMs: () => number) {
    this.#platform = platform;
    this.#dice = dice(seed);
    this.#nowMs = nowMs;
  }

  /** Something that somebody may do now. */
  async step(): Promise<void> {
    const { roll } = this.#dice;
    const [oldest] = this.#talks;
    if (oldest && this.#nowMs() - oldest.openedAtMs > MAX_TALK_MS) return this.#endTalk(oldest);
    switch (roll(10)) {
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
      case 6:
        return this.#pay();
      case 7:
      case 8:
        return this.#talk();
      default:
        return this.#remember();
    }
  }

  #id = (word: string) => `${word}-${++this.#made}`;

  #did(deed: Deed extends infer D ? (D extends Deed ? Omit<D, 'atMs'> : never) : never): void {
    this.deeds.push({ ...deed, atMs: this.#nowMs() } as Deed);
  }

  /** Gives a command. Sometimes repeats it at the other entrance, at the same time or after the answer. */
  async #give(command: Command): Promise<void> {
    const { roll } = this.#dice;
    const at = roll(2);
    const impatience = roll(6);
    if (impatience === 0) {
      await Promise.all([command(at), command(1 - at)]);
    } else {
      await command(at);
      if (impatience === 1) await command(1 - at);
    }
    this.#given.push({ command, atMs: this.#nowMs() });
  }

  /** Does again what was done long ago. */
  async #remember(): Promise<void> {
    const { roll, one } = this.#dice;
    const given = this.#given.filter(({ atMs }) => this.#nowMs() - atMs < REMEMBERED_MS);
    if (given.length > 0) await one(given).command(roll(2));
  }

  async #createTask(): Promise<void> {
    const { roll, one, two } = this.#dice;
    const [client, provider] = two(AGENTS);
    const task: Task = {
      id: this.#id('task'),
      client,
      provider,
      createdAtMs: this.#nowMs(),
      capability: one(['chat', 'draw', null]),
      priceMicro: roll(4) === 0 ? null : BigInt(roll(5_000_000)),
    };
    await this.#give((at) => this.#platform.createTask(task, at));
    this.#tasks.push(task);
    this.#did({ did: 'create_task', client, provider });
    if (roll(2)) await this.#platform.startTask(task, roll(2));
  }

  async #endTask(): Promise<void> {
    if (this.#tasks.length === 0) return;
    const { one } = this.#dice;
    const task = one(this.#tasks);
    this.#tasks = this.#tasks.filter((each) => each !== task);
    const as = one(['completed', 'completed', 'failed', 'cancelled'] as const);
    await this.#give((at) => this.#platform.endTask(task, as, at));
    this.#did({ did: 'end_task', as, ...task });
  }

  async #send(): Promise<void> {
    const [from, to] = this.#dice.two(AGENTS);
    const message = { id: this.#id('message'), from, to, sentAtMs: this.#nowMs() };
    await this.#give((at) => this.#platform.send(message, at));
    this.#messages.push(message);
    this.#did({ did: 'send', from });
  }

  async #settle(): Promise<void> {
    const { one } = this.#dice;
    this.#messages = this.#messages.filter(({ sentAtMs }) => this.#nowMs() - sentAtMs < REMEMBERED_MS);
    if (this.#messages.length === 0) return;
    const message = one(this.#messages);
    this.#messages = this.#messages.filter((each) => each !== message);
    const as = one(['acknowledged', 'rejected'] as const);
    await this.#give((at) => this.#platform.settle(message, as, at));
    this.#did({ did: as === 'acknowledged' ? 'acknowledge' : 'reject', from: message.from });
  }

  async #negotiate(): Promise<void> {
    const { roll, two } = this.#dice;
    const [client, provider] = two(AGENTS);
    const session = { id: this.#id('negotiation'), client, provider };
    await this.#give((at) => this.#platform.openSession(session, at));
    this.#did({ did: 'open', client, provider });
    const outcome = roll(3);
    if (outcome === 1) {
      await this.#give((at) => this.#platform.reject(session, at));
      this.#did({ did: 'disagree', client, provider });
    }
    if (outcome !== 2) return;
    await this.#give((at) => this.#platform.offer(session, 'client', '1', at));
    await this.#give((at) => this.#platform.offer(session, 'provider', '1.5', at));
    await this.#give((at) => this.#platform.accept(session, at));
    this.#did({ did: 'agree', client, provider });
  }

  async #pay(): Promise<void> {
    const { roll, two } = this.#dice;
    const [a, b] = two(AGENTS);
    const channel = { id: this.#id('channel'), a, b };
    await this.#give((at) => this.#platform.openChannel(channel, at));
    const transfers = roll(3) + 1;
    let left: readonly [bigint, bigint] = [10_000_000n, 5_000_000n];
    const moved = (micro: bigint) => [left[0] - micro, left[1] + micro] as const;
    const wire = ([ofA, ofB]: typeof left): Balances => [usdc(ofA), usdc(ofB)];
    for (let nonce = 1; nonce <= transfers; nonce++) {
      const micro = BigInt(1 + roll(900_000));
      left = moved(micro);
      const transfer = { nonce, amount: usdc(micro), balances: wire(left) };
      await this.#give((at) => this.#platform.propose(channel, transfer, at));
      await this.#give((at) => this.#platform.acknowledge(channel, transfer, at));
      this.#did({ did: 'pay', from: a, to: b, micro });
    }
    if (roll(3) === 0) {
      await this.#give((at) => this.#platform.dispute(channel, at));
      this.#did({ did: 'dispute', one: a, other: b });
    }
    if (roll(2) === 0) return;
    const micro = BigInt(roll(3)) * 1_000n;
    const final = wire(moved(-micro));
    await this.#give((at) => this.#platform.close(channel, transfers, final, at));
    if (micro > 0n) this.#did({ did: 'move_by_close', from: b, to: a, micro });
  }

  async #talk(): Promise<void> {
    const { roll, one } = this.#dice;
    const [oldest] = this.#talks;
    if (this.#talks.length >= MAX_TALKS && oldest) return this.#endTalk(oldest);
    if (this.#talks.length === 0 || roll(3) === 0) return this.#openTalk();
    const open = one(this.#talks);
    switch (roll(5)) {
      case 0:
        return this.#ask(open);
      case 1:
      case 2:
        return this.#answer(open);
      case 3:
        return this.#payFromCredits(open.talk);
      default:
        return this.#endTalk(open);
    }
  }

  /** With a question, as a session to which its user does not come ends after an hour. */
  async #openTalk(): Promise<void> {
    const { one } = this.#dice;
    const talk = { id: this.#id('talk'), user: one(['u1', 'u2']), agent: one(AGENTS) };
    await this.#give((at) => this.#platform.openTalk(talk, at));
    this.#did({ did: 'open_talk', agent: talk.agent });
    const open = { talk, openedAtMs: this.#nowMs(), askedAtMs: [] };
    this.#talks.push(open);
    await this.#ask(open);
  }

  async #ask({ talk, askedAtMs }: OpenTalk): Promise<void> {
    const id = this.#id('question');
    await this.#give((at) => this.#platform.ask(talk, id, at));
    askedAtMs.push(this.#nowMs());
    this.#did({ did: 'ask', agent: talk.agent });
  }

  async #answer({ talk, askedAtMs }: OpenTalk): Promise<void> {
    const id = this.#id('answer');
    const isFinal = this.#dice.roll(3) > 0;
    await this.#give((at) => this.#platform.answer(talk, id, isFinal, at));
    const endedAtMs = isFinal ? askedAtMs.shift() : undefined;
    this.#did({ did: 'answer', agent: talk.agent, askedAtMs: endedAtMs ?? null });
  }

  async #payFromCredits(talk: Talk): Promise<void> {
    const id = this.#id('request');
    const micro = BigInt(1 + this.#dice.roll(900_000));
    await this.#give((at) => this.#platform.payFromCredits(talk, id, usdc(micro), at));
    this.#did({ did: 'pay_from_credits', agent: talk.agent, micro });
  }

  async #endTalk(open: OpenTalk): Promise<void> {
    this.#talks = this.#talks.filter((each) => each !== open);
    await this.#give((at) => this.#platform.endTalk(open.talk, at));
    this.#did({ did: 'end_talk', agent: open.talk.agent });
  }
}
