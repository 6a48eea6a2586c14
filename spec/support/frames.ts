import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import WebSocket from 'ws';

/** A frame from the wire: a text frame as string, a binary frame as its bytes. */
export type Frame = string | Buffer;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A client that knows nothing of the protocol: what it sends is what the spec says, what came is kept in order. */
export interface Client {
  send(text: string): Promise<void>;
  sendBinary(bytes: Uint8Array): Promise<void>;
  /** Takes the oldest frame that was not taken yet; rejects when there is none within the time. */
  next(withinMs?: number): Promise<Frame>;
  /** Rejects when a frame is there or arrives within the time. Better where possible: send and see the reply is next. */
  nothingFor(ms: number): Promise<void>;
  /** Resolves when the server has ended the connection; rejects when frames are left or came before. */
  closed(withinMs?: number): Promise<Closed>;
  /** Ends the connection from this side. */
  close(): Promise<void>;
  /** Every frame so far, taken or not. */
  readonly frames: readonly Frame[];
}

/** Time that a busy machine may take: only a fault takes longer. */
const PATIENCE_MS = 20_000;

// --- HTTP ---

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The connection, where the answer was 101; the caller destroys it. */
  readonly socket?: Duplex;
}

export interface RequestOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** One request on its own connection, with exactly these headers besides Host, Connection and Content-Length. */
export function request(method: string, url: string, options: RequestOptions = {}): Promise<Answer> {
  const { headers = {}, body, signal } = options;
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, agent: false, ...(signal && { signal }) }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts).toString(),
        }),
      );
    });
    sent.on('upgrade', (response, socket, head) => {
      socket.on('error', () => {});
      if (head.length > 0) socket.unshift(head);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '', socket });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The headers of a WebSocket handshake, with the key of RFC 6455, section 1.3. */
export const upgradeHeaders = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
} as const;

export const acceptOfUpgradeHeaders = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

// --- WebSocket ---

export interface ConnectOptions {
  readonly headers?: Record<string, string>;
  /** Sent as it is, also what a WebSocket client would not offer. */
  readonly subprotocol?: string;
}

export class SocketClient implements Client {
  readonly ws: WebSocket;
  /** The subprotocol that the server selected. */
  readonly selected: string | undefined;
  readonly #inbox: Inbox;
  readonly #end: Promise<Closed>;

  constructor(ws: WebSocket, selected: string | undefined, inbox: Inbox, end: Promise<Closed>) {
    this.ws = ws;
    this.selected = selected;
    this.#inbox = inbox;
    this.#end = end;
  }

  get frames() {
    return this.#inbox.all;
  }

  async send(text: string) {
    this.ws.send(text);
  }

  async sendBinary(bytes: Uint8Array) {
    this.ws.send(bytes);
  }

  /** One message in as many WebSocket frames as there are parts. */
  sendParts(parts: readonly (string | Uint8Array)[], between: () => void = () => {}) {
    const binary = parts.some((part) => typeof part !== 'string');
    parts.forEach((part, at) => {
      if (at > 0) between();
      this.ws.send(part, { binary, fin: at === parts.length - 1 });
    });
  }

  /** Sends a WebSocket ping; resolves with what the pong carried. */
  ping(data = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no pong within ${PATIENCE_MS} ms`)), PATIENCE_MS);
      this.ws.once('pong', (pong) => {
        clearTimeout(late);
        resolve(pong.toString());
      });
      this.ws.ping(data);
    });
  }

  next(withinMs = PATIENCE_MS) {
    return this.#inbox.next(withinMs);
  }

  nothingFor(ms: number) {
    return this.#inbox.nothingFor(ms);
  }

  async closed(withinMs = PATIENCE_MS) {
    const end = await this.ended(withinMs);
    this.#inbox.assertEmpty();
    return end;
  }

  /** As `closed`, whatever frames came before. */
  ended(withinMs = PATIENCE_MS): Promise<Closed> {
    return within(withinMs, this.#end, 'not closed');
  }

  async close(code = 1000) {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.close(code);
    await this.ended().catch(() => this.ws.terminate());
  }
}

/** Connects a WebSocket; rejects when the handshake is refused. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<SocketClient> {
  const headers = {
    ...options.headers,
    ...(options.subprotocol !== undefined && { 'Sec-WebSocket-Protocol': options.subprotocol }),
  };
  const ws = new WebSocket(url.replace(/^http/, 'ws'), { headers, perMessageDeflate: false });
  const inbox = new Inbox();
  let selected: string | undefined;
  ws.on('upgrade', (response) => {
    selected = response.headers['sec-websocket-protocol'];
    // ws compares it with what it offered itself, which is nothing
    delete response.headers['sec-websocket-protocol'];
  });
  ws.on('message', (data, binary) => {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.concat([data].flat().map((part) => new Uint8Array(part)));
    inbox.put(binary ? bytes : bytes.toString());
  });
  const end = new Promise<Closed>((resolve) => {
    ws.on('close', (code, reason) => {
      inbox.end(`the connection was closed with ${code} "${reason}"`);
      resolve({ code, reason: reason.toString() });
    });
  });
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
  });
  ws.on('error', () => {});
  return new SocketClient(ws, selected, inbox, end);
}

// --- long poll ---

export interface PollAnswer {
  readonly status: number;
  readonly token?: string;
  readonly messages?: readonly string[];
}

export class LongPollClient implements Client {
  readonly url: string;
  readonly token: string;
  readonly #inbox = new Inbox();

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  get frames() {
    return this.#inbox.all;
  }

  /** One GET, as it is answered; its messages are not put into the inbox. */
  async poll(signal?: AbortSignal): Promise<PollAnswer> {
    return pollAnswer(await request('GET', this.#withToken(), signal ? { signal } : {}));
  }

  /** One POST; resolves with the status in the body. */
  async post(body: string, contentType: string | undefined = 'application/x-ndjson'): Promise<number> {
    const headers = contentType === '' ? {} : { 'content-type': contentType };
    return pollAnswer(await request('POST', this.#withToken(), { headers, body })).status;
  }

  async send(text: string) {
    await this.#handled(text, text.startsWith('[') ? 'application/x-ndjson' : 'application/json');
  }

  async sendBinary(bytes: Uint8Array) {
    await this.#handled(Buffer.from(bytes).toString('base64'), 'application/x-ndjson');
  }

  async next(withinMs = PATIENCE_MS): Promise<Frame> {
    const signal = AbortSignal.timeout(withinMs);
    while (this.#inbox.empty) {
      const answer = await this.poll(signal).catch((error: unknown) => {
        throw signal.aborted ? new Error(`no frame within ${withinMs} ms`) : error;
      });
      if (answer.status !== 200 && answer.status !== 204)
        throw new Error(`the poll was answered with ${answer.status}`);
      for (const message of answer.messages ?? []) this.#inbox.put(message);
    }
    return this.#inbox.next(0);
  }

  async nothingFor(ms: number) {
    const frame = await this.next(ms).catch(() => undefined);
    if (frame !== undefined) throw new Error(`a frame came: ${frame}`);
  }

  /** A session that the server has ended answers the next poll with 410, as one that never was. */
  async closed(withinMs = PATIENCE_MS): Promise<Closed> {
    this.#inbox.assertEmpty();
    const answer = await within(withinMs, this.poll(), 'the session did not end');
    if (answer.status !== 410) throw new Error(`the poll was answered with ${JSON.stringify(answer)}`);
    return { code: 410, reason: '' };
  }

  /** Does nothing: a session ends by not being polled. */
  async close() {}

  async #handled(body: string, contentType: string) {
    const status = await this.post(body, contentType);
    if (status !== 200) throw new Error(`the POST was answered with ${status}: ${body.slice(0, 200)}`);
  }

  #withToken() {
    return `${this.url}&token=${encodeURIComponent(this.token)}`;
  }
}

/** Opens a long-poll session; `url` has a query. */
export async function openLongPoll(url: string, headers: OutgoingHttpHeaders = {}): Promise<LongPollClient> {
  const answer = pollAnswer(await request('GET', url, { headers }));
  if (answer.status !== 410 || !answer.token) throw new Error(`no session: ${JSON.stringify(answer)}`);
  return new LongPollClient(url, answer.token);
}

export function pollAnswer(answer: Answer): PollAnswer {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.body.slice(0, 200)}`);
  return JSON.parse(answer.body) as PollAnswer;
}

// --- what both have ---

class Inbox {
  readonly all: Frame[] = [];
  #taken = 0;
  #ended: string | undefined;
  #wake: () => void = () => {};

  get empty() {
    return this.#taken === this.all.length;
  }

  put(frame: Frame) {
    this.all.push(frame);
    this.#wake();
  }

  end(why: string) {
    this.#ended = why;
    this.#wake();
  }

  async next(withinMs: number): Promise<Frame> {
    const giveUpAt = Date.now() + withinMs;
    for (;;) {
      const frame = this.all[this.#taken];
      if (frame !== undefined) {
        this.#taken++;
        return frame;
      }
      if (this.#ended !== undefined) throw new Error(this.#ended);
      const left = giveUpAt - Date.now();
      if (left <= 0) throw new Error(`no frame within ${withinMs} ms`);
      await this.#woken(left);
    }
  }

  async nothingFor(ms: number) {
    if (this.empty && this.#ended === undefined) await this.#woken(ms);
    this.assertEmpty();
    if (this.#ended !== undefined) throw new Error(this.#ended);
  }

  assertEmpty() {
    if (!this.empty)
      throw new Error(`frames that were not expected: ${this.all.slice(this.#taken).map(show).join(' ')}`);
  }

  #woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** A frame as the case files write it, cut to a readable length. */
export function show(frame: Frame): string {
  const text = typeof frame === 'string' ? frame : `binary ${frame.subarray(0, 150).toString('hex')}`;
  return text.length > 500 ? `${text.slice(0, 500)}… (${text.length})` : text;
}

async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
