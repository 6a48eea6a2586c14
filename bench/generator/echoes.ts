import { setTimeout as sleep } from 'node:timers/promises';
import { StampedFrame } from './client_frame.ts';
import { Latencies } from './latencies.ts';
import type { Member } from './member.ts';
import { nowUs, placeholder, sentAtUsAt, seqAt } from './stamp.ts';
import { type Losses, Tally } from './tally.ts';

const DRAIN_MS = 2_000;

/** Has each member keep so many requests in flight. */
export class Echoes {
  readonly #members: readonly Member[];
  readonly #frames: readonly StampedFrame[];
  readonly #tally: Tally;
  readonly #sent: number[];
  #goesOn = false;
  answered = 0;
  latencies = new Latencies();

  /** @param textOf a request of a member, with the place of a stamp */
  constructor(members: readonly Member[], textOf: (index: number, body: string) => string, bytes: number) {
    this.#members = members;
    this.#frames = members.map((_, index) => new StampedFrame(textOf(index, placeholder(bytes))));
    this.#tally = new Tally(members.length);
    this.#sent = members.map(() => 0);
    members.forEach((member, index) => {
      member.onStamped = (bytes, at) => this.#came(index, bytes, at);
    });
  }

  start(inFlight: number): void {
    this.#goesOn = true;
    this.#members.forEach((_, index) => {
      for (let i = 0; i < inFlight; i++) this.#send(index);
    });
  }

  /** Resolves when the last answers are there, or do not come. */
  async stop(): Promise<void> {
    this.#goesOn = false;
    const deadline = performance.now() + DRAIN_MS;
    while (performance.now() < deadline && this.losses().lost > 0) await sleep(10);
  }

  losses(): Losses {
    return this.#tally.losses((member) => this.#sent[member] ?? 0);
  }

  #send(index: number): void {
    const seq = (this.#sent[index] ?? 0) + 1;
    this.#sent[index] = seq;
    const frame = this.#frames[index]?.with({ publisher: index, seq, sentAtUs: nowUs() });
    if (frame) this.#members[index]?.send(frame);
  }

  #came(index: number, bytes: Buffer, at: number): void {
    if (!this.#tally.came(index, seqAt(bytes, at))) return;
    this.answered++;
    this.latencies.add(nowUs() - sentAtUsAt(bytes, at));
    if (this.#goesOn) this.#send(index);
  }
}
