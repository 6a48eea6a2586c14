import type { RawSocket } from '../../server/index.ts';
import { Channels, mainStream } from './channels.ts';
import { onChannel, withNumber } from './envelope.ts';
import type { Message } from './message.ts';
import { MAIN, type Stream } from './outbox.ts';

/** Nothing is handed to a socket in which so much waits (VISUALISATION.md, section 9.5). */
export const FULL_BYTES = 256 * 1_024;
/** Answers alone may be so long, in characters, before the client is closed. */
const MAX_ANSWERS_LENGTH = 1_048_576;

/** An answer to the client, which is never dropped. */
interface Answer {
  /** An envelope's end, for a message with a number; else the whole text, or a binary frame. */
  readonly tail?: string;
  readonly whole?: string | Uint8Array;
  readonly stream?: { readonly channel: string; readonly sequence: number } | undefined;
}

/** A message on its way to one stream. */
interface Copy {
  readonly message: Message;
  readonly stream: Stream;
  readonly sequence: number;
  readonly withContent: boolean;
}

/** Sends something more, if there is something. */
export interface Source {
  /** @returns false if there is nothing */
  sendNext(): boolean;
}

/** Numbers what goes to one socket, and hands it over while there is room: answers first. */
export class Delivery {
  readonly channels = new Channels();
  readonly main = mainStream();
  readonly #socket: Pick<RawSocket, 'send' | 'bufferedBytes' | 'isOpen'>;
  readonly #onTooSlow: () => void;
  /** Critical ones, then others, each in order. */
  readonly #answers: readonly [Answer[], Answer[]] = [[], []];
  #answersLength = 0;
  /** What belongs together: the frames of one batch, the copies of one message. Nothing comes between them. */
  readonly #due: (Uint8Array | Copy)[] = [];
  #number = 0;
  #source: Source | undefined;

  constructor(socket: Pick<RawSocket, 'send' | 'bufferedBytes' | 'isOpen'>, onTooSlow: () => void) {
    this.#socket = socket;
    this.#onTooSlow = onTooSlow;
  }

  /** Tells where events come from, once there are any. */
  set source(source: Source) {
    this.#source = source;
  }

  get hasRoom(): boolean {
    return this.#socket.isOpen && this.#socket.bufferedBytes < FULL_BYTES;
  }

  /** True if nothing waits here. */
  get isIdle(): boolean {
    return this.#due.length === 0 && this.#answers.every(({ length }) => length === 0);
  }

  /** Sends as much as there is room for. */
  flush(): void {
    while (this.hasRoom && this.#sendOne());
  }

  /** Sends an envelope that is never dropped. @param type of those that channels may get */
  answer(
    tail: string,
    { isCritical = true, type }: { readonly isCritical?: boolean; readonly type?: string } = {},
  ): void {
    const { channels, isOnMain } =
      type === undefined ? { channels: [], isOnMain: true } : this.channels.route({ type, agentIds: [] });
    for (const channel of channels) {
      this.#put({ tail, stream: { channel: channel.channel, sequence: ++channel.sequence } }, isCritical);
    }
    if (isOnMain) this.#put({ tail }, isCritical);
    this.flush();
  }

  /** Sends a text without an envelope, or a binary frame, that is never dropped. */
  answerBare(whole: string | Uint8Array): void {
    this.#put({ whole }, true);
    this.flush();
  }

  /** Sends an envelope at once, past whatever waits. */
  sendLast(tail: string): void {
    this.#sendNumbered(tail, MAIN, 0);
  }

  /** Sends a message as soon as there is room, behind nothing but what was sent before. */
  send(message: Message, stream: Stream, sequence: number, withContent: boolean): void {
    this.#due.push({ message, stream, sequence, withContent });
    while (this.hasRoom && this.#sendDue());
  }

  /** Sends binary frames as soon as there is room, behind nothing but what was sent before. */
  sendFrames(frames: readonly Uint8Array[]): void {
    this.#due.push(...frames);
    while (this.hasRoom && this.#sendDue());
  }

  #put(answer: Answer, isCritical: boolean): void {
    this.#answers[isCritical ? 0 : 1].push(answer);
    this.#answersLength += lengthOf(answer);
    if (this.#answersLength <= MAX_ANSWERS_LENGTH) return;
    this.flush();
    if (this.#answersLength > MAX_ANSWERS_LENGTH) this.#onTooSlow();
  }

  #sendOne(): boolean {
    return this.#sendDue() || this.#sendAnswer() || (this.#source?.sendNext() ?? false);
  }

  #sendDue(): boolean {
    const due = this.#due.shift();
    if (!due) return false;
    if (due instanceof Uint8Array) this.#socket.send(due);
    else this.#sendNumbered(due.message.tail(due.withContent), due.stream.channel, due.sequence);
    return true;
  }

  #sendAnswer(): boolean {
    const answer = this.#answers[0].shift() ?? this.#answers[1].shift();
    if (!answer) return false;
    this.#answersLength -= lengthOf(answer);
    const { tail, whole, stream } = answer;
    if (tail !== undefined) this.#sendNumbered(tail, stream?.channel ?? MAIN, stream?.sequence ?? 0);
    else if (whole !== undefined) this.#socket.send(whole);
    return true;
  }

  #sendNumbered(tail: string, channel: string | null, sequence: number): void {
    const text = withNumber(++this.#number, tail);
    this.#socket.send(channel === MAIN ? text : onChannel(channel, sequence, text));
  }
}

const lengthOf = ({ tail, whole }: Answer) => (tail ?? whole ?? '').length;
