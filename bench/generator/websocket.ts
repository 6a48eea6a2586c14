import { connect, type Socket } from 'node:net';
import { clientFrame, OPCODE } from './client_frame.ts';
import { FrameReader } from './frame_reader.ts';

/** Events of a connection. Bytes are the callee's only during the call. */
export interface Listening {
  onOpen(): void;
  onText(bytes: Buffer, start: number, end: number): void;
  onBinary?(bytes: Buffer, start: number, end: number): void;
  /** Once, whoever closed it; `cause` has the HTTP status or the close code where there is one. */
  onClosed(cause: string): void;
}

const READ_BYTES = 256 * 1024;
/** Shared by all connections: what is read is looked at before the next read. */
const readInto = Buffer.allocUnsafe(READ_BYTES);
const END_OF_HEAD = '\r\n\r\n';
const KEY = Buffer.from('a load generator').toString('base64');

/** A WebSocket client that costs little: no events, no copies, frames that were built before. */
export class WebSocketConnection {
  readonly #socket: Socket;
  readonly #listening: Listening;
  readonly #reader: FrameReader;
  #head = '';
  #isOpen = false;
  #closedBy = 'the server ended the connection';
  /** Gathers frames that are sent while a read is looked at into one write, so that the server has several frames to read at once. */
  #outgoing: Buffer[] | undefined;

  /** @param headers further lines of the upgrade, each with its `\r\n` */
  constructor(port: number, path: string, listening: Listening, headers = '') {
    this.#listening = listening;
    this.#reader = new FrameReader((opcode, bytes, start, end) => this.#onFrame(opcode, bytes, start, end));
    const onread = {
      buffer: readInto,
      callback: (length: number) => {
        this.#outgoing = [];
        this.#onBytes(readInto.subarray(0, length));
        this.#flush();
        return true;
      },
    };
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    this.#socket.on('error', ({ message }) => {
      this.#closedBy = message;
    });
    this.#socket.on('close', () => listening.onClosed(this.#closedBy));
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${headers}\r\n`,
    );
  }

  /** @param frame one or more frames as a client sends them; not to be changed afterwards */
  send(frame: Buffer): void {
    if (this.#outgoing) this.#outgoing.push(frame);
    else this.#socket.write(frame);
  }

  sendText(text: string): void {
    this.send(clientFrame(text));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #flush(): void {
    const frames = this.#outgoing ?? [];
    this.#outgoing = undefined;
    const [first] = frames;
    if (first) this.#socket.write(frames.length === 1 ? first : Buffer.concat(frames));
  }

  #onBytes(bytes: Buffer): void {
    if (this.#isOpen) return this.#reader.push(bytes);
    this.#head += bytes.toString('latin1');
    const end = this.#head.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const status = this.#head.slice(0, this.#head.indexOf('\r\n'));
    if (!status.includes(' 101 ')) {
      this.#closedBy = status;
      return this.destroy();
    }
    this.#isOpen = true;
    const rest = Buffer.from(this.#head.slice(end + END_OF_HEAD.length), 'latin1');
    this.#head = '';
    this.#listening.onOpen();
    if (rest.length > 0) this.#reader.push(rest);
  }

  #onFrame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === OPCODE.text) return this.#listening.onText(bytes, start, end);
    if (opcode === OPCODE.binary) return this.#listening.onBinary?.(bytes, start, end);
    if (opcode === OPCODE.ping) return this.send(clientFrame(bytes.subarray(start, end), OPCODE.pong));
    if (opcode !== OPCODE.close) return;
    this.#closedBy = end - start >= 2 ? `closed with ${bytes.readUInt16BE(start)}` : 'closed without a code';
    this.destroy();
  }
}
