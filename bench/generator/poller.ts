import { HttpLine } from './http_line.ts';
import type { OnStamped } from './member.ts';
import { findStamp, STAMP_BYTES } from './stamp.ts';
import { type WireName, wires } from './wires/index.ts';

/** A wire over HTTP: a session is opened, told things by POST, and polled by GET. */
interface Polling {
  readonly openingPath: string;
  pathOf(opened: string): string;
  /** Sent one after the other, each followed by a poll, before the session is in the topic. */
  greetings(topic: string): readonly string[];
  /** Answers the last of the greetings. */
  isJoined(polled: string): boolean;
  isHeartbeat(polled: Buffer): boolean;
}

const EIO = '/socket.io/?EIO=4&transport=polling';
const HEARTBEAT = Buffer.from('2');

const pollings: Readonly<Record<WireName, Polling>> = {
  phoenix: {
    openingPath: '/socket/longpoll?vsn=2.0.0',
    pathOf: (opened) => `/socket/longpoll?vsn=2.0.0&token=${encodeURIComponent(JSON.parse(opened).token)}`,
    greetings: (topic) => [wires.phoenix.join(topic)],
    // Where messages are texts within the answer, quotes are escaped.
    isJoined: (polled) => /phx_reply/.test(polled) && /status\\?":\\?"ok/.test(polled),
    isHeartbeat: () => false,
  },
  socketIo: {
    openingPath: EIO,
    pathOf: (opened) => `${EIO}&sid=${JSON.parse(opened.slice(1)).sid}`,
    greetings: (topic) => [...wires.socketIo.greeting, wires.socketIo.join(topic)],
    isJoined: wires.socketIo.isJoined,
    isHeartbeat: (polled) => polled.equals(HEARTBEAT),
  },
};

/** A member of a room that has no WebSocket, and asks again and again. */
export class Poller {
  onStamped: OnStamped | undefined;
  readonly #polling: HttpLine;
  readonly #telling: HttpLine;
  readonly #path: string;
  readonly #wire: Polling;

  private constructor(polling: HttpLine, telling: HttpLine, path: string, wire: Polling) {
    this.#polling = polling;
    this.#telling = telling;
    this.#path = path;
    this.#wire = wire;
  }

  /**
   * Resolves when it is in the topic, and polls from then on until the process ends.
   *
   * @throws Error with the answer where it was not let in
   */
  static async open(port: number, wireName: WireName, topic: string): Promise<Poller> {
    const wire = pollings[wireName];
    const [polling, telling] = [new HttpLine(port), new HttpLine(port)];
    const path = wire.pathOf((await polling.ask('GET', wire.openingPath)).toString());
    const poller = new Poller(polling, telling, path, wire);
    let answer = '';
    for (const text of wire.greetings(topic)) {
      await telling.ask('POST', path, text);
      answer = (await polling.ask('GET', path)).toString();
    }
    if (!wire.isJoined(answer)) throw new Error(`refused: ${answer}`);
    void poller.#pollOn();
    return poller;
  }

  send(): never {
    throw new Error('a poller publishes nothing here');
  }

  async #pollOn(): Promise<never> {
    for (;;) {
      const polled = await this.#polling.ask('GET', this.#path);
      if (this.#wire.isHeartbeat(polled)) await this.#telling.ask('POST', this.#path, '3');
      for (
        let at = findStamp(polled, 0, polled.length);
        at >= 0;
        at = findStamp(polled, at + STAMP_BYTES, polled.length)
      ) {
        this.onStamped?.(polled, at);
      }
    }
  }
}
