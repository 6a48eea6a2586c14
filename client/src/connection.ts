import { toBase64, utf8 } from './bytes.ts';
import type { Credential } from './credential.ts';
import { AerieError, evidenceMismatch, isReason } from './error.ts';
import { FIRST_ANSWER_MS, Http, type HttpCall } from './http.ts';
import { Inbox } from './inbox.ts';
import { type Keep, memory, read, write } from './keep.ts';
import { Line, type Refused, type TransportClass } from './line.ts';
import { remember } from './recent.ts';
import { type Purpose, type SignedFields, signedText } from './signed_text.ts';
import { type Signer, type SigningKey, signerOf, verify } from './signing_key.ts';
import { Topic } from './topic.ts';
import type { AgentProfile, Me } from './wire.ts';

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

/** Good signatures that are remembered. */
const REMEMBERED = 500;

/** What every part of an agent stands on: who it is, how it reaches the server, what it keeps and how it signs. */
export class Connection {
  readonly id: string;
  readonly networkId: string;
  readonly http: Http;
  readonly line: Line;
  readonly inbox: Inbox;
  readonly keep: Keep;
  /** Aborts when the agent is closed, with `AerieError` `closed`. */
  readonly closed: AbortSignal;
  /** True if `keep` was passed: signing money wants that. */
  readonly #isKept: boolean;
  readonly #signer: Signer | undefined;
  readonly #closing: AbortController;
  readonly #verified = new Set<string>();
  readonly #topics = new Map<string, Topic>();

  private constructor(me: Me, options: ConnectOptions, http: Http, closing: AbortController) {
    this.id = me.id ?? '';
    this.networkId = me.network_id;
    this.http = http;
    this.keep = options.keep ?? memory();
    this.#isKept = options.keep !== undefined;
    this.#signer = options.signingKey && signerOf(options.signingKey);
    this.#closing = closing;
    this.closed = closing.signal;
    this.line = new Line(http, options.WebSocket, () => why(http));
    this.inbox = new Inbox(this);
  }

  /** @throws AerieError: `unauthorized`, `forbidden`, `unavailable` (no answer within 10 s, unless a `signal` was given), `aborted` */
  static async open(options: ConnectOptions): Promise<Connection> {
    const { signal } = options;
    const closing = new AbortController();
    const http = new Http(options, closing.signal);
    const me = await whoAmI(http, { signal, patienceMs: signal ? undefined : FIRST_ANSWER_MS });
    const connection = new Connection(me, options, http, closing);
    try {
      await connection.#pin(`network:${http.url}`, me.network_id);
      await connection.#checkOwnKey();
      await connection.line.online(signal);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** A topic of the agent's own, joined when it is first asked for. */
  topic(name: string): Topic {
    const topic = this.#topics.get(name) ?? new Topic(this.line, name).join();
    this.#topics.set(name, topic);
    return topic;
  }

  /** `agent:{id}` (PROTOCOL.md, section 5.7). */
  get agentTopic(): Topic {
    return this.topic(`agent:${this.id}`);
  }

  get canSign(): boolean {
    return this.#signer !== undefined;
  }

  /** @throws AerieError `signing_key_required`, or `keep_required` where money is signed without a keep */
  demandSigner(isMoney = false): Signer {
    if (!this.#signer) throw new AerieError('signing_key_required');
    if (isMoney && !this.#isKept) throw new AerieError('keep_required');
    return this.#signer;
  }

  /** @returns base64 of 64 bytes @throws AerieError `signing_key_required` */
  async sign<P extends Purpose>(purpose: P, ...fields: SignedFields[P]): Promise<string> {
    const text = signedText(this.networkId, purpose, fields);
    return toBase64(await this.demandSigner().sign(utf8(text)));
  }

  /** True if this agent has signed this, by the first key of it that was ever seen. */
  async isSigned<P extends Purpose>(agentId: string, signature: string, purpose: P, ...fields: SignedFields[P]) {
    const text = signedText(this.networkId, purpose, fields);
    const key = await this.publicKey(agentId);
    // The same state is told more than once, and a verification takes milliseconds.
    const said = `${key}\n${signature}\n${text}`;
    if (this.#verified.has(said)) return true;
    if (!verify(text, signature, key)) return false;
    remember(this.#verified, said, REMEMBERED);
    return true;
  }

  /** The first public key seen of an agent; base64. */
  async publicKey(agentId: string): Promise<string> {
    if (agentId === this.id && this.#signer) return this.#signer.publicKey;
    const key = `key:${agentId}`;
    return (await read<string>(this.keep, key)) ?? this.#pin(key, await this.#registeredKey(agentId));
  }

  /** As evidence wants them. */
  async publicKeys(...agentIds: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const keys: Record<string, string> = {};
    for (const id of agentIds) keys[id] = await this.publicKey(id);
    return keys;
  }

  async close(): Promise<void> {
    if (this.closed.aborted) return;
    const error = new AerieError('closed');
    this.#closing.abort(error);
    await this.line.end(error, { name: 'closed' });
    await this.keep.close?.();
  }

  /** Keeps what is seen first. @returns it @throws AerieError `evidence_mismatch` where it was something else before */
  async #pin(key: string, value: string): Promise<string> {
    const pinned = await read<string>(this.keep, key);
    if (pinned === undefined) await write(this.keep, key, value);
    else if (pinned !== value) throw evidenceMismatch({ key, pinned, said: value });
    return value;
  }

  async #registeredKey(agentId: string): Promise<string> {
    const { agent } = await this.http.call<{ agent: AgentProfile }>('GET', `/api/agents/${agentId}`);
    return agent.public_key;
  }

  async #checkOwnKey(): Promise<void> {
    if (!this.#signer) return;
    const registered = await this.#registeredKey(this.id);
    if (registered === this.#signer.publicKey) return;
    throw new AerieError('wrong_signing_key', { message: `Registered with another key: ${registered}.` });
  }
}

/** @throws AerieError `unauthorized`, `forbidden` where it is no agent's credential, `suspended` */
async function whoAmI(http: Http, call: HttpCall): Promise<Me> {
  const me = await http.call<Me>('GET', '/api/me', call);
  const { kind, id, status } = me;
  if (kind !== 'agent') {
    const message = `Expected the credential of an agent, this is one of kind ${kind}.`;
    throw new AerieError('forbidden', { message });
  }
  if (status === 'suspended') throw new AerieError(status, { message: `The agent ${id} is suspended.` });
  return me;
}

/** Asked once for each connect that was refused. */
async function why(http: Http): Promise<Refused | undefined> {
  try {
    await whoAmI(http, { patienceMs: 0 });
  } catch (error) {
    if (isReason(error, 'unauthorized', 'forbidden', 'suspended')) {
      return { error, isFinal: error.reason === 'unauthorized' && !http.credentials.canChange };
    }
  }
  return undefined;
}
