import type { Channel } from './channels.ts';
import { packed } from './compression.ts';
import type { Delivery, Source } from './delivery.ts';
import { envelopeTail } from './envelope.ts';
import { encodings, type Message } from './message.ts';
import { type FrameKind, Moment, plainFrames, type Records, type Stage } from './moment.ts';
import { Outbox, type Stream } from './outbox.ts';
import { PendingRecords, PendingRoster } from './pending.ts';
import type { SharedSnapshot } from './snapshot.ts';

/** A snapshot on its way to one socket. */
interface Progress {
  readonly shared: SharedSnapshot;
  readonly messages: readonly Message[];
  at: number;
  /** Undefined while they are being packed. */
  frames: readonly Buffer[] | undefined;
  frameAt: number;
}

/** Messages that go out between two looks at the records that wait, so that neither holds up the other. */
const MESSAGES_IN_TURN = 32;

/** What one socket is shown: a snapshot, then what happens, as fast as it takes it, and of what it misses the newest. */
export class Viewing implements Source {
  readonly stage: Stage;
  readonly #delivery: Delivery;
  readonly #nowMs: () => number;
  readonly #outbox = new Outbox();
  readonly #records: PendingRecords;
  readonly #roster = new PendingRoster();
  #kind: FrameKind | undefined;
  #snapshot: Progress | undefined;
  /** Since its first snapshot. */
  #isBegun = false;
  #isPaused = false;
  #messagesInTurn = 0;

  /** @param kind of the binary frames that it gets; undefined: none @param nowMs the store's clock */
  constructor(stage: Stage, delivery: Delivery, kind: FrameKind | undefined, nowMs: () => number) {
    this.stage = stage;
    this.#records = new PendingRecords(stage);
    this.#delivery = delivery;
    this.#kind = kind;
    this.#nowMs = nowMs;
    delivery.source = this;
  }

  /** Changes the binary frames from the next one on. */
  set kind(kind: FrameKind | undefined) {
    this.#kind = kind;
    if (!kind) this.#records.clear();
    if (this.#snapshot) this.#packSnapshot(this.#snapshot);
  }

  /** Shows all from the beginning, and what happens from now on; nothing to one that is paused. */
  begin(shared: SharedSnapshot): void {
    if (this.#isPaused) return;
    this.#isBegun = true;
    this.#outbox.clear(true);
    this.#records.clear();
    this.#roster.clear();
    this.#snapshot = { shared, messages: shared.messages(this.stage), at: 0, frames: undefined, frameAt: 0 };
    this.#packSnapshot(this.#snapshot);
    this.#delivery.flush();
  }

  /** Shows nothing until it is resumed. */
  pause(): void {
    this.#isPaused = true;
    this.#snapshot = undefined;
    this.#outbox.clear(false);
    this.#records.clear();
    this.#roster.clear();
  }

  /** It is to begin again then. */
  resume(): void {
    this.#isPaused = false;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Forgets what waits for a channel that is closed. */
  closeChannel(channel: Channel): void {
    this.#outbox.close(channel);
  }

  take(moment: Moment): void {
    if (!this.#isBegun || this.#isPaused) return;
    const messages = moment.messages(this.stage);
    let told = 0;
    if (this.#isUpToDate) {
      for (const message of messages) {
        if (!this.#delivery.hasRoom) break;
        this.#tell(message);
        told++;
      }
      if (told === messages.length && this.#delivery.hasRoom) {
        return this.#kind && this.#delivery.sendFrames(moment.frames(this.#kind));
      }
      for (const message of messages.slice(0, told)) this.#sendFrameOf(message);
    }
    for (const message of messages.slice(told)) this.#keep(message);
    if (this.#kind) this.#records.add(moment);
    this.#delivery.flush();
  }

  get #isUpToDate(): boolean {
    const isEmpty = this.#outbox.isEmpty && this.#records.isEmpty && this.#roster.isEmpty;
    return isEmpty && !this.#snapshot && this.#delivery.isIdle;
  }

  #tell(message: Message): void {
    const { channels, isOnMain } = this.#delivery.channels.route(message);
    for (const channel of channels) this.#delivery.send(message, channel, ++channel.sequence, channel.withContent);
    if (isOnMain) this.#delivery.send(message, this.#delivery.main, 0, false);
  }

  #keep(message: Message): void {
    const { roster } = message;
    if (roster) {
      this.#roster.add(roster, message.atMs);
      if (!('hidden' in roster)) return;
      this.#outbox.dropAbout(roster.hidden.agentId);
      this.#records.delete(roster.hidden.wireId);
      return;
    }
    const { channels, isOnMain } = this.#delivery.channels.route(message);
    for (const channel of channels) this.#outbox.put(channel, message, ++channel.sequence);
    if (isOnMain) this.#outbox.put(this.#delivery.main, message, 0);
  }

  sendNext(): boolean {
    if (this.#isPaused) return false;
    if (this.#snapshot) return this.#sendOfSnapshot(this.#snapshot);
    // What is too old when its turn comes is found out then.
    return this.#sendRoster() || this.#sendSkipped() || this.#sendInTurn() || this.#sendSkipped();
  }

  #sendInTurn(): boolean {
    if (this.#messagesInTurn < MESSAGES_IN_TURN && this.#sendMessage()) {
      this.#messagesInTurn++;
      return true;
    }
    this.#messagesInTurn = 0;
    return this.#sendRecords() || this.#sendMessage();
  }

  #sendMessage(): boolean {
    const waiting = this.#outbox.next();
    if (!waiting) return false;
    const { stream, message, sequence } = waiting;
    this.#delivery.send(message, stream, sequence, withContent(stream));
    // Of those that several channels get there is one frame.
    if (stream === this.#frameStream(message)) this.#sendFrameOf(message);
    return true;
  }

  #frameStream(message: Message): Stream | undefined {
    const { channels, isOnMain } = this.#delivery.channels.route(message);
    return isOnMain ? this.#delivery.main : channels[0];
  }

  #sendFrameOf(message: Message): void {
    const { frame } = message;
    if (frame && this.#kind?.stage === 'agents') this.#delivery.sendFrames([frame]);
  }

  #sendRecords(): boolean {
    const kind = this.#kind;
    if (!kind || this.#records.isEmpty) return false;
    const records = this.#records.take();
    this.#delivery.sendFrames(records instanceof Moment ? records.recordFrames(kind) : framesOf(records, kind));
    return true;
  }

  #sendRoster(): boolean {
    if (this.#roster.isEmpty) return false;
    // Together: what comes after may name any of them.
    for (const message of this.#roster.take()) this.#tell(message);
    return true;
  }

  #sendSkipped(): boolean {
    const skipped = this.#outbox.skipped();
    if (!skipped) return false;
    const { stream, count, sinceSequence } = skipped;
    const payload = { channel: stream.channel, count, sinceSequence };
    this.#delivery.answer(envelopeTail({ type: 'channel.skipped', atMs: this.#nowMs(), payload }));
    return true;
  }

  // ---- the snapshot

  #packSnapshot(progress: Progress): void {
    const kind = this.#kind;
    progress.frames = kind ? undefined : [];
    progress.frameAt = 0;
    if (!kind) return;
    void progress.shared.frames(kind).then((frames) => {
      if (this.#snapshot !== progress || this.#kind !== kind) return;
      progress.frames = frames;
      this.#delivery.flush();
    });
  }

  #sendOfSnapshot(progress: Progress): boolean {
    const message = progress.messages[progress.at];
    if (message) {
      progress.at++;
      this.#tell(message);
      return true;
    }
    if (!progress.frames) return false;
    const frame = progress.frames[progress.frameAt];
    if (frame) {
      progress.frameAt++;
      this.#delivery.sendFrames([frame]);
      return true;
    }
    this.#snapshot = undefined;
    this.#tell(progress.shared.complete(this.stage));
    return true;
  }
}

/** Of one socket alone. */
function framesOf(records: Records, kind: FrameKind): readonly Buffer[] {
  const frames = plainFrames(records, kind);
  if (frames.length > 0) encodings.frames++;
  return packed(frames, kind.compression);
}

const withContent = (stream: Stream) => 'withContent' in stream && stream.withContent === true;
