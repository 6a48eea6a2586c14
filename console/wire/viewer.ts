import { type FrameReader, isHeartbeat, readFrame } from './frames.ts';

/** The three sockets of the visualisation wire (VISUALISATION.md, section 9.1). */
export type Address = 'agents' | 'graph' | 'control';

const PATHS: Readonly<Record<Address, string>> = {
  agents: '/api/visualisation/agents/ws',
  graph: '/api/graph/ws',
  control: '/api/control/ws',
};

/** A message from the server, out of its envelope or as it stands. */
export interface ViewerMessage {
  readonly type: string;
  readonly id?: string;
  readonly timestamp?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly metadata?: { readonly correlationId?: string };
}

export type ViewerState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'reconnecting'; readonly atMs: number }
  /** The credential is not good any more. */
  | { readonly kind: 'signed_out' };

export interface ViewerListener {
  state(state: ViewerState): void;
  message(message: ViewerMessage): void;
  readonly frames?: FrameReader;
}

const UNAUTHENTICATED = 4401;
const FORBIDDEN = 4403;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;
/** Nothing for so long, where a heartbeat comes every 30 s: the line is dead, though nobody has said so. */
const MAX_SILENCE_MS = 75_000;
const SUBPROTOCOL_TEXT = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A credential as a subprotocol may hold it. */
function bearerProtocol(credential: string): string {
  if (SUBPROTOCOL_TEXT.test(credential)) return `bearer.${credential}`;
  const bytes = new TextEncoder().encode(credential);
  const base64 = btoa(String.fromCharCode(...bytes));
  return `bearer64.${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}

/** One socket of the visualisation wire, that comes back after every break until it is closed. */
export class Viewer {
  readonly #address: Address;
  readonly #credential: string;
  readonly #listener: ViewerListener;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isLive = false;
  #isClosed = false;

  constructor(address: Address, credential: string, listener: ViewerListener) {
    this.#address = address;
    this.#credential = credential;
    this.#listener = listener;
    this.#connect();
  }

  /** Sends a message; `false` if there is no line now. */
  send(message: object): boolean {
    if (!this.#isLive || !this.#socket) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#socket?.close();
  }

  #connect(): void {
    this.#listener.state({ kind: 'connecting' });
    const url = new URL(PATHS[this.#address], location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, ['aerie.v1', bearerProtocol(this.#credential)]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () =>
      socket.send(
        JSON.stringify({
          type: 'handshake',
          version: '2.0.0',
          capabilities: ['binary', 'streaming'],
          clientId: 'aerie-console',
          timestamp: new Date().toISOString(),
        }),
      );
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(socket, code);
  }

  #receive(data: string | ArrayBuffer): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#socket?.close(), MAX_SILENCE_MS);
    if (typeof data !== 'string') {
      if (!isHeartbeat(data) && this.#listener.frames) readFrame(data, this.#listener.frames);
      return;
    }
    const message = JSON.parse(data) as ViewerMessage;
    if (message.type === 'handshake_ack') {
      this.#failures = 0;
      this.#isLive = true;
      this.#listener.state({ kind: 'live' });
    }
    this.#listener.message(message);
  }

  #closed(socket: WebSocket, code: number): void {
    if (this.#isClosed || socket !== this.#socket) return;
    clearTimeout(this.#silence);
    this.#isLive = false;
    if (code === UNAUTHENTICATED || code === FORBIDDEN) return this.#listener.state({ kind: 'signed_out' });
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++ + Math.random() * 1_000);
    this.#listener.state({ kind: 'reconnecting', atMs: Date.now() + delayMs });
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }
}
