import { setTimeout as sleep } from 'node:timers/promises';
import type { StampedFrame } from './client_frame.ts';
import { Latencies } from './latencies.ts';
import type { OnStamped } from './member.ts';
import { nowUs, publisherAt, sentAtUsAt, seqAt } from './stamp.ts';
import { type Losses, Tally } from './tally.ts';

/** Whoever is in a room. */
export interface Receiver {
  onStamped: OnStamped | undefined;
  send(frame: Buffer): void;
}

/** The first member publishes to all, itself among them. */
export interface Room {
  readonly members: readonly Receiver[];
  readonly frame: StampedFrame;
}

interface RoomState {
  readonly room: Room;
  readonly index: number;
  sent: number;
  /** Messages that not all members have. */
  open: number;
  /** Members that lack a message, by its number modulo `SLOTS`. */
  readonly lacking: Int32Array;
  /** When all had one, or the first was published. */
  progressAtMs: number;
}

/** More than are ever in flight. */
const SLOTS = 64;

/** A message that has not reached all by then is given up, and the next one sent. */
const STALL_MS = 2_000;
const LOOK_EVERY_MS = 250;
const DRAIN_MS = 2_000;

/** Publishes to rooms, and counts what arrives. */
export class FanOut {
  readonly #rooms: RoomState[];
  readonly #roomOf: RoomState[] = [];
  readonly #tally: Tally;
  #latencies: Latencies | undefined;
  #goesOn = false;
  /** Messages that have reached a member, each counted once. */
  delivered = 0;

  constructor(rooms: readonly Room[]) {
    this.#rooms = rooms.map((room, index) => ({
      ...{ room, index, sent: 0, open: 0, progressAtMs: 0 },
      lacking: new Int32Array(SLOTS),
    }));
    for (const state of this.#rooms) {
      for (const member of state.room.members) {
        const receiver = this.#roomOf.push(state) - 1;
        member.onStamped = (bytes, at) => this.#came(receiver, state, bytes, at);
      }
    }
    this.#tally = new Tally(this.#roomOf.length);
  }

  get sent(): number {
    return this.#rooms.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Keeps so many messages in flight in each room: the next goes out once all members have one. Until `work` is done. */
  async saturate(inFlight: number, work: () => Promise<void>): Promise<void> {
    this.#goesOn = true;
    for (const room of this.#rooms) this.#fill(room, inFlight);
    const watch = setInterval(() => this.#goOnWhereStalled(inFlight), LOOK_EVERY_MS);
    await work();
    clearInterval(watch);
    this.#goesOn = false;
    await this.#drained();
  }

  /** Publishes so many messages a second, to one room after the other, whatever the servers do. @returns how late they came */
  async atRate(perSecond: number, seconds: number): Promise<Latencies> {
    const latencies = new Latencies();
    this.#latencies = latencies;
    const startedAt = performance.now();
    for (let i = 0; i < perSecond * seconds; i++) {
      const dueInMs = startedAt + (i * 1_000) / perSecond - performance.now();
      if (dueInMs > 0) await sleep(dueInMs);
      const room = this.#rooms[i % this.#rooms.length];
      if (room) this.#publish(room);
    }
    await this.#drained();
    this.#latencies = undefined;
    return latencies;
  }

  losses(): Losses {
    return this.#tally.losses((receiver) => this.#roomOf[receiver]?.sent ?? 0);
  }

  #publish(state: RoomState): void {
    const [publisher] = state.room.members;
    state.open++;
    state.lacking[++state.sent % SLOTS] = state.room.members.length;
    publisher?.send(state.room.frame.with({ publisher: state.index, seq: state.sent, sentAtUs: nowUs() }));
  }

  #fill(state: RoomState, inFlight: number): void {
    state.progressAtMs = performance.now();
    for (let i = 0; i < inFlight; i++) this.#publish(state);
  }

  #came(receiver: number, state: RoomState, bytes: Buffer, at: number): void {
    if (publisherAt(bytes, at) !== state.index) throw new Error('a message came to a room that it was not sent to');
    const seq = seqAt(bytes, at);
    if (!this.#tally.came(receiver, seq)) return;
    this.delivered++;
    this.#latencies?.add(nowUs() - sentAtUsAt(bytes, at));
    const slot = seq % SLOTS;
    const lacking = (state.lacking[slot] ?? 0) - 1;
    // One that was given up, or whose place another has by now.
    if (lacking < 0 || state.sent - seq >= SLOTS) return;
    state.lacking[slot] = lacking;
    if (lacking > 0) return;
    state.open--;
    state.progressAtMs = performance.now();
    if (this.#goesOn) this.#publish(state);
  }

  #goOnWhereStalled(inFlight: number): void {
    const longAgo = performance.now() - STALL_MS;
    for (const room of this.#rooms) {
      if (room.progressAtMs >= longAgo) continue;
      room.open = 0;
      room.lacking.fill(0);
      this.#fill(room, inFlight);
    }
  }

  async #drained(): Promise<void> {
    const deadline = performance.now() + DRAIN_MS;
    while (performance.now() < deadline && this.#rooms.some(({ open }) => open > 0)) await sleep(10);
  }
}
