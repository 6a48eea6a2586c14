import { toBase64 } from './base64.ts';
import { type Credential, Credentials } from './credential.ts';
import { AerieError, isReason } from './error.ts';
import { Http } from './http.ts';
import { type Keep, memory, read, write } from './keep.ts';
import type { TransportClass } from './late_socket.ts';
import { Line } from './line.ts';
import { Pace } from './pace.ts';
import { type Purpose, type SignedFields, signedText } from './signed_text.ts';
import { type Signer, type SigningKey, signerOf, verify } from './signing_key.ts';
import { Topic } from './topic.ts';
import type { AgentJoined, AgentProfile, Me } from './wire.ts';

export interface ConnectOptions {
  /** `http://127.0.0.1:4000`, or with `https`, `ws`, `wss`. */
  readonly url: string;
  /** An API key or session token of the agent, or what gives one, asked before each connect. */
  readonly credential: Credential;
  /** 32 bytes, or what signs elsewhere. Without it nothing can be signed. */
  readonly signingKey?: SigningKey;
  /** What must survive the process: `file(dir)` of `aerie-client/node`, `indexedDb(name)`, `memory()`, or one's own. */
  readonly keep?: Keep;
  readonly fetch?: typeof fetch;
  readonly WebSocket?: TransportClass;
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
}

/** Milliseconds in which a server has to give its first answer, where no `signal` says how long to wait. */
export const FIRST_ANSWER_MS = 10_000;

/** Good signatures that are remembered. */
const REMEMBERED = 500;

/** @returns without a slash at the end, `http` or `https` */
export const httpUrl = (url: string): string => url.replace(/^ws/, 'http').replace(/\/+$/, '');

/** What every part of an agent stands on: who it is, how it reaches the server, what it keeps and how it signs. */
export class Connection {
  readonly id: string;
  readonly networkId: string;
  readonly url: string;
  readonly http: Http;
  readonly line: Line;
  readonly keep: Keep;
  /** Aborts when the agent is closed, with `AerieError` `closed`. */
  readonly closed: AbortSignal;
  /** True if `keep` was passed: signing money wants that. */
  readonly #isKept: boolean;
  readonly #signer: Signer | undefined;
  readonly #closing: AbortController;
  readonly #verified = new Set<string>();
  #agentTopic: Topic<AgentJoined> | undefined;
  readonly #topics = new Set<Pick<Topic, 'leave'>>();
  readonly #ends = new Set<() => Promise<void> | void>();

  private constructor(me: Me, options: ConnectOptions, parts: { http: Http; line: Line; closing: AbortController }) {
    this.id = me.id ?? '';
    this.networkId = me.network_id;
    this.url = httpUrl(options.url);
    this.http = parts.http;
    this.line = parts.line;
    this.keep = options.keep ?? memory();
    this.#isKept = options.keep !== undefined;
    this.#signer = options.signingKey && signerOf(options.signingKey);
    this.#closing = parts.closing;
    this.closed = parts.closing.signal;
  }

  /** @throws AerieError: `unauthorized`, `forbidden`, `unavailable` (no answer within 10 s, unless a `signal` was given), `aborted` */
  static async open(options: ConnectOptions): Promise<Connection> {
    const { signal } = options;
    const closing = new AbortController();
    const credentials = new Credentials(options.credential);
    const pace = new Pace();
    const get = (options.fetch ?? globalThis.fetch).bind(globalThis);
    const http = new Http({ url: httpUrl(options.url), credentials, fetch: get, pace, closed: closing.signal });
    await credentials.fresh();
    const ask = { signal, ...(!signal && { patienceMs: FIRST_ANSWER_MS }) };
    const me = await http.call<Me>('GET', '/api/me', ask);
    const refused = whyRefused(me);
    if (refused) throw refused;

    const line = new Line({
      url: httpUrl(options.url),
      pace,
      transport: options.WebSocket,
      ask: () => credentials.fresh(),
      why: () => why(http, credentials),
    });
    const connection = new Connection(me, options, { http, line, closing });
    try {
      await connection.#pin(`network:${connection.url}`, me.network_id);
      await connection.#checkOwnKey();
      await connection.#online(signal ?? AbortSignal.timeout(FIRST_ANSWER_MS), signal ? 'aborted' : 'unavailable');
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Joins a topic and leaves it when the agent is closed. */
  join<Joined>(topic: Topic<Joined>): Topic<Joined> {
    this.#topics.add(topic);
    topic.onEnd(() => this.#topics.delete(topic));
    return topic.join();
  }

  /** `agent:{id}`, joined when it is first asked for (PROTOCOL.md, section 5.7). */
  agentTopic(): Topic<AgentJoined> {
    this.#agentTopic ??= this.join(new Topic<AgentJoined>(this.line, `agent:${this.id}`));
    return this.#agentTopic;
  }

  /** Has something done when the agent is closed, before its topics are left. */
  onClose(end: () => Promise<void> | void): void {
    this.#ends.add(end);
  }

  get canSign(): boolean {
    return this.#signer !== undefined;
  }

  /** @throws AerieError `signing_key_required`, or `keep_required` where money is signed without a keep */
  demandSigner(isMoney: boolean): void {
    if (!this.#signer) throw new AerieError('signing_key_required');
    if (isMoney && !this.#isKept) throw new AerieError('keep_required');
  }

  /** @returns base64 of 64 bytes */
  async sign<P extends Purpose>(purpose: P, ...fields: SignedFields[P]): Promise<string> {
    if (!this.#signer) throw new AerieError('signing_key_required');
    const text = signedText(this.networkId, purpose, fields);
    return toBase64(await this.#signer.sign(new TextEncoder().encode(text)));
  }

  /** True if this agent has signed this, by the first key of it that was ever seen. */
  async isSigned<P extends Purpose>(agentId: string, signature: string, purpose: P, ...fields: SignedFields[P]) {
    const text = signedText(this.networkId, purpose, fields);
    const key = await this.publicKey(agentId);
    // The same state is told more than once, and a verification takes milliseconds.
    const said = `${key}\n${signature}\n${text}`;
    if (this.#verified.has(said)) return true;
    if (!verify(text, signature, key)) return false;
    this.#verified.add(said);
    const [oldest] = this.#verified;
    if (this.#verified.size > REMEMBERED && oldest !== undefined) this.#verified.delete(oldest);
    return true;
  }

  /** The first public key seen of an agent; base64. */
  async publicKey(agentId: string): Promise<string> {
    if (agentId === this.id && this.#signer) return this.#signer.publicKey;
    const pinned = await read<string>(this.keep, `key:${agentId}`);
    if (pinned !== undefined) return pinned;
    const { agent } = await this.http.call<{ agent: AgentProfile }>('GET', `/api/agents/${agentId}`);
    await this.#pin(`key:${agentId}`, agent.public_key);
    return agent.public_key;
  }

  async close(): Promise<void> {
    if (this.closed.aborted) return;
    const error = new AerieError('closed');
    this.#closing.abort(error);
    this.line.fail(error, { name: 'closed' });
    await Promise.all([...this.#ends].map((end) => end()));
    await Promise.all([...this.#topics].map((topic) => topic.leave()));
    await this.line.disconnect();
    await this.keep.close?.();
  }

  /** Keeps what is seen first. @throws AerieError `evidence_mismatch` where it was something else before */
  async #pin(key: string, value: string): Promise<void> {
    const pinned = await read<string>(this.keep, key);
    if (pinned === undefined) return write(this.keep, key, value);
    if (pinned !== value) throw new AerieError('evidence_mismatch', { details: { key, pinned, said: value } });
  }

  async #checkOwnKey(): Promise<void> {
    if (!this.#signer) return;
    const { agent } = await this.http.call<{ agent: AgentProfile }>('GET', `/api/agents/${this.id}`);
    if (agent.public_key === this.#signer.publicKey) return;
    const message = `The signing key is not that of the agent ${this.id}, which was registered with ${agent.public_key}.`;
    throw new AerieError('wrong_signing_key', { message });
  }

  #online(signal: AbortSignal, late: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const { state, failure } = this.line;
        const wasRefused = state.name === 'refused' ? new AerieError(state.reason, { retryable: true }) : undefined;
        if (state.name === 'online') return done(resolve);
        if (signal.aborted) return done(() => reject(new AerieError(late, { cause: signal.reason })));
        if (failure ?? wasRefused) return done(() => reject(failure ?? wasRefused));
      };
      const done = (settle: () => void) => {
        stop();
        signal.removeEventListener('abort', look);
        settle();
      };
      const stop = this.line.onState(look);
      signal.addEventListener('abort', look);
      look();
    });
  }
}

function whyRefused({ kind, id, status }: Me): AerieError | undefined {
  if (kind !== 'agent') {
    return new AerieError('forbidden', {
      message: `Expected the credential of an agent, this is one of kind ${kind}.`,
    });
  }
  return status === 'suspended' ? new AerieError('suspended', { message: `The agent ${id} is suspended.` }) : undefined;
}

/** Asked once for each connect that was refused. */
async function why(http: Http, credentials: Credentials) {
  try {
    const refused = whyRefused(await http.call<Me>('GET', '/api/me', { patienceMs: 0 }));
    return refused && { error: refused, isFinal: refused.reason === 'forbidden' && !credentials.canChange };
  } catch (error) {
    if (!isReason(error, 'unauthorized', 'forbidden')) return undefined;
    return { error, isFinal: error.reason === 'unauthorized' && !credentials.canChange };
  }
}
