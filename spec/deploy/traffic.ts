import { setTimeout as sleep } from 'node:timers/promises';
import { LongPoll, type SocketConnectOption } from 'phoenix';
import { Party } from '../channels/deals/party.ts';
import type { Address } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { NoReply, type Topic } from '../support/official_client.ts';
import { NETWORK_ID } from '../support/signing.ts';
import { within } from '../support/within.ts';

/** Steps before a fault, and once more after it. */
const ENOUGH = 15;
/** Between two steps. */
const PAUSE_MS = 20;
/** After which a client takes a push or a join for lost. */
const TIMEOUT_MS = 2_000;
/** Refusals that say nothing of what was pushed: another try may be taken. */
const PASSING = new Set<unknown>(['unavailable', 'rate_limited', 'unmatched topic']);

/**
 * Work of two agents that goes on through a fault: one step after the other, each pushed again until it is answered.
 * The answers are what it holds the server to.
 */
export abstract class Traffic {
  abstract readonly name: string;
  /** Steps that the server has said yes to. */
  abstract readonly acknowledged: number;
  readonly node: Address;
  readonly #way: Address;
  readonly #random: () => number;
  readonly #parties: Party[] = [];
  #running: Promise<void> = Promise.resolve();
  #isEnding = false;
  #isStopped = false;
  #fault: unknown;

  /**
   * @param node where things are made before a fault
   * @param way by which the agents come
   */
  constructor(node: Address, way: Address, random: () => number) {
    this.node = node;
    this.#way = way;
    this.#random = random;
  }

  /** Makes what it works on, and joins. */
  protected abstract open(): Promise<void>;
  /** One thing more; resolves when it is acknowledged. */
  protected abstract step(): Promise<void>;
  /** Resolves when everybody has everything. */
  protected abstract complete(): Promise<void>;
  /** Checks that every node and both agents now have exactly what was acknowledged. */
  abstract check(nodes: readonly Address[]): Promise<void>;

  /** Resolves when it is well under way. */
  async start(): Promise<void> {
    await this.open();
    this.#running = this.aside(this.#run());
    await this.until(() => this.acknowledged >= ENOUGH);
  }

  /** Resolves when it has gone on and all of it has arrived. @throws Error if that takes longer */
  finish(withinMs: number): Promise<void> {
    return within(withinMs, this.#finish(), this.name);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#parties.map((party) => party.leave()));
  }

  async #run(): Promise<void> {
    while (!this.#isEnding && !this.#isStopped) {
      await this.step();
      await sleep(PAUSE_MS);
    }
  }

  async #finish(): Promise<void> {
    const enough = this.acknowledged + ENOUGH;
    await this.until(() => this.acknowledged >= enough);
    this.#isEnding = true;
    await this.#running;
    await this.complete();
  }

  /** Work that nobody waits for; its fault is that of all. */
  protected aside(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#fault ??= error;
    });
  }

  protected random(below: number): number {
    return Math.floor(this.#random() * below);
  }

  protected async party(): Promise<Party> {
    return this.moved(await this.made(() => Party.at(this.node, NETWORK_ID)), this.#way);
  }

  /** Makes something before a fault. On a busy machine the store may be late just now; nothing is broken yet. */
  protected made<T>(make: () => Promise<T>): Promise<T> {
    return eventually(make, 20_000);
  }

  /** The same agent somewhere else. */
  protected moved(party: Party, node: Address): Party {
    const there = party.moved(node);
    this.#parties.push(there);
    return there;
  }

  /** Joins on WebSocket or long-poll. */
  protected join(party: Party, topic: string, params?: object): Promise<Topic> {
    const transport: Partial<SocketConnectOption> = this.random(3) === 0 ? { transport: LongPoll as never } : {};
    return party.join(topic, params, { timeout: TIMEOUT_MS, ...transport });
  }

  protected async until(probe: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await probe())) {
      if (this.#fault) throw this.#fault;
      if (this.#isStopped) throw new Error(`${this.name} was stopped`);
      await sleep(PAUSE_MS);
    }
  }

  /** Pushes the same until it is taken. @throws the response of a refusal for good */
  protected async push<Response>(topic: Topic, event: string, payload: object): Promise<Response> {
    for (;;) {
      try {
        return await topic.push<Response>(event, payload);
      } catch (error) {
        const isPassing = error instanceof NoReply || PASSING.has((error as { reason?: unknown }).reason);
        if (!isPassing || this.#isStopped) throw refusal(this.name, event, payload, error);
        await sleep(50);
      }
    }
  }
}

const refusal = (name: string, event: string, payload: object, error: unknown) =>
  new Error(
    `${name}: ${event} ${JSON.stringify(payload)} got ${error instanceof Error ? error : JSON.stringify(error)}`,
  );
