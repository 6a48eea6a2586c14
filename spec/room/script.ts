import { randomBytes } from 'node:crypto';
import {
  type Client,
  connect,
  type Frame,
  LongPollClient,
  openLongPoll,
  request,
  SocketClient,
  show,
} from '../support/frames.ts';

/*
 * The language of the case files: one step a line, `#` starts a comment, `who` may be left out for the socket `it`.
 *
 *   open [who] [v1] [short] [websocket|longpoll] [query]
 *                       opens a socket; `it` is opened by itself as V2 where a script does not open it
 *   [who] join J T [P]  → [J,"r…",T,"phx_join",P] and ← its ok reply (on V1 without a join_ref); the refs differ
 *   [who] → text        sends a text frame
 *   [who] ← text        the next frame is this text frame, compared as JSON
 *   [who] ⇠ text        so too, but neighbouring ⇠ lines of one socket come in any order
 *   [who] ⇒ bytes       sends a binary frame: `00 ff` hexadecimal, "…" text, |"…"| or |T| its length in bytes, fill(n)
 *   [who] ⇐ bytes       the next frame is this binary frame
 *   [who] silent        nothing has come: the reply to a heartbeat is the next frame
 *   [who] silent J T    so too, with the reply of the channel to an echo
 *   [who] closed 1001   the server closes the connection, no frame before; `1000|1001` is either
 *   [who] close         this side closes it
 *   post T event JSON   POST /broadcast
 *
 * Outside of strings T, T2, … are topics, U, U2, … users and ID, ID2, … their socket ids, fresh for each run of a case;
 * VIA is the transport. $name stands for a string that is new where it first comes, and the same from then on. The lists
 * of metas in presences have no order. A script ends with `silent` on each socket that is open.
 */

export type Via = 'websocket' | 'longpoll';
export type Case = string | ((stage: Stage) => Promise<void>);
export type Cases = Readonly<Record<string, Case>>;
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Bound = ReadonlyMap<string, string>;

interface Actor {
  readonly client: Client;
  readonly vsn: 1 | 2;
  readonly via: Via;
}

/** Plays one case against the room at `url`, with all its sockets over `via` where it does not say another. */
export async function perform(url: string, play: Case, via: Via = 'websocket'): Promise<void> {
  const stage = new Stage(url, via);
  try {
    if (typeof play === 'string') await stage.play(play);
    else await play(stage);
    await stage.allSilent();
  } catch (error) {
    const why = error instanceof Error ? error.message : `${error}`;
    throw new Error(`${why}\n\nso far, over ${via}:\n${stage.transcript()}`);
  } finally {
    await stage.leave();
  }
}

/** An `it` for each of the cases. */
export function performAll(room: { readonly url: string }, cases: Cases, via: Via = 'websocket') {
  for (const [name, play] of Object.entries(cases)) it(name, () => perform(room.url, play, via));
}

export class Stage {
  readonly url: string;
  readonly via: Via;
  readonly #actors = new Map<string, Actor>();
  readonly #ended = new Set<string>();
  readonly #names = new Map<string, string>();
  readonly #log: string[] = [];
  #bound: Bound = new Map();
  #asked = 0;

  constructor(url: string, via: Via) {
    this.url = url;
    this.via = via;
  }

  async play(script: string): Promise<void> {
    const lines = script
      .split('\n')
      .map((line) => line.trimStart())
      .filter((line) => line !== '' && !line.startsWith('#'));
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at] ?? '';
      const group = unordered(lines.slice(at));
      if (group.length > 0) at += group.length - 1;
      this.#log.push(...(group.length > 0 ? group : [line]).map((step) => `  ${step.slice(0, 300)}`));
      if (group.length > 0) await this.#expectInAnyOrder(group);
      else await this.#step(line);
    }
  }

  /** The topic, user or socket id of that name. */
  name(token: string): string {
    const known = this.#names.get(token);
    if (known !== undefined) return known;
    const made = token.startsWith('ID')
      ? `room_socket:${this.name(`U${token.slice(2)}`)}`
      : `${token.startsWith('T') ? 'room:' : ''}${token.toLowerCase()}-${randomBytes(6).toString('hex')}`;
    this.#names.set(token, made);
    return made;
  }

  client(who = 'it'): Client {
    return this.#actor(who).client;
  }

  /** The WebSocket of that name, in cases that only make sense on one. */
  socket(who = 'it'): SocketClient {
    const client = this.client(who);
    if (!(client instanceof SocketClient)) throw new Error(`${who} is no WebSocket`);
    return client;
  }

  longPoll(who = 'it'): LongPollClient {
    const client = this.client(who);
    if (!(client instanceof LongPollClient)) throw new Error(`${who} is no long-poll session`);
    return client;
  }

  async open(words: string): Promise<void> {
    let who = 'it';
    let vsn: 1 | 2 = 2;
    let mount = 'socket';
    let via = this.via;
    let query = '';
    for (const word of words.split(' ').filter((some) => some !== '')) {
      if (word === 'v1') vsn = 1;
      else if (word === 'short') mount = 'short';
      else if (word === 'websocket' || word === 'longpoll') via = word;
      else if (word.includes('=')) query = `&${word.replace(/\bU\d*\b/g, (token) => this.name(token))}`;
      else who = word;
    }
    const url = `${this.url}/${mount}/${via}?vsn=${vsn}.0.0${query}`;
    const client = via === 'websocket' ? await connect(url) : await openLongPoll(url);
    this.#actors.set(who, { client, vsn, via });
    this.#ended.delete(who);
  }

  /** The next frame of a socket, as value where it is text. */
  async next(who = 'it', withinMs?: number): Promise<Json | Buffer> {
    const frame = await this.client(who).next(withinMs);
    this.#log.push(`      ${who} got ${show(frame)}`);
    return typeof frame === 'string' ? (JSON.parse(frame) as Json) : frame;
  }

  /** True if a value is what the text describes; what it names by `$` is remembered. */
  is(text: string, value: Json | Buffer): boolean {
    if (Buffer.isBuffer(value)) return false;
    const bound = match(JSON.parse(this.#expand(text)) as Json, value, this.#bound);
    if (bound) this.#bound = bound;
    return bound !== undefined;
  }

  async allSilent() {
    for (const who of this.#actors.keys()) if (!this.#ended.has(who)) await this.#silent(who, '');
  }

  /** No longer looks at what a socket gets. */
  forget(who: string) {
    this.#ended.add(who);
  }

  async leave() {
    await Promise.all([...this.#actors.values()].map(({ client }) => client.close()));
  }

  transcript() {
    return this.#log.slice(-40).join('\n');
  }

  async #step(line: string) {
    const [, opened] = /^open\b ?(.*)$/.exec(line) ?? [];
    if (opened !== undefined) return this.open(opened);
    const [, topic, event, payload] = /^post (\S+) (\S+) (.*)$/.exec(line) ?? [];
    if (topic && event && payload) return this.#post(topic, event, payload);

    const [, who = 'it', verb, rest = ''] =
      /^(?:([a-z]\w*) )?(→|←|⇒|⇐|join|silent|closed|close)(?: (.*))?$/s.exec(line) ?? [];
    if (who === 'it' && !this.#actors.has('it')) await this.open('it');
    switch (verb) {
      case '→':
        return this.client(who).send(this.#expand(rest));
      case '←':
        return this.#expect(who, rest);
      case '⇒':
        return this.client(who).sendBinary(this.bytes(rest));
      case '⇐':
        return this.#expectBytes(who, rest);
      case 'join':
        return this.#join(who, rest);
      case 'silent':
        return this.#silent(who, rest);
      case 'closed':
        return this.#closed(who, rest);
      case 'close':
        this.#ended.add(who);
        return this.client(who).close();
      default:
        throw new Error(`not a step: ${line}`);
    }
  }

  #actor(who: string): Actor {
    const actor = this.#actors.get(who);
    if (!actor) throw new Error(`${who} was not opened`);
    return actor;
  }

  async #expect(who: string, text: string) {
    const value = await this.next(who);
    if (!this.is(text, value))
      throw new Error(`${who} expected\n  ${this.#expand(text)}\nand got\n  ${written(value)}`);
  }

  async #expectInAnyOrder(group: readonly string[]) {
    const wanted = group.map((line) => /^(?:(\w+) )?⇠ (.*)$/.exec(line) ?? []);
    const who = wanted[0]?.[1] ?? 'it';
    const values: Json[] = [];
    for (const _ of group) {
      const value = await this.next(who);
      if (!Buffer.isBuffer(value)) values.push(value);
    }
    const texts = wanted.map(([, , text = '']) => JSON.parse(this.#expand(text)) as Json);
    const bound = matchInAnyOrder(texts, values, this.#bound);
    if (!bound)
      throw new Error(
        `${who} expected in any order\n  ${texts.map(written).join('\n  ')}\nand got\n  ${values.map(written).join('\n  ')}`,
      );
    this.#bound = bound;
  }

  async #expectBytes(who: string, text: string) {
    const value = await this.next(who);
    const wanted = this.bytes(text);
    if (!Buffer.isBuffer(value) || !wanted.equals(value))
      throw new Error(
        `${who} expected\n  ${show(wanted)}\nand got\n  ${Buffer.isBuffer(value) ? show(value) : written(value)}`,
      );
  }

  async #join(who: string, rest: string) {
    const [, j = '', topic = '', payload = '{}'] = /^(\S+) ("(?:[^"\\]|\\.)*"|\S+)(?: (.*))?$/.exec(rest) ?? [];
    const ref = JSON.stringify(`r${j.replaceAll('"', '')}`);
    if (this.#actor(who).vsn === 1) {
      await this.play(`${who} → {"topic":${topic},"event":"phx_join","payload":${payload},"ref":${ref}}`);
      await this.play(
        `${who} ← {"topic":${topic},"event":"phx_reply","payload":{"status":"ok","response":{"room":${topic}}},"ref":${ref}}`,
      );
    } else {
      await this.play(`${who} → [${j},${ref},${topic},"phx_join",${payload}]`);
      await this.play(`${who} ← [${j},${ref},${topic},"phx_reply",{"status":"ok","response":{"room":${topic}}}]`);
    }
  }

  async #silent(who: string, rest: string) {
    const ref = JSON.stringify(`s${++this.#asked}`);
    const [, j, topic] = /^(\S+) (.*)$/.exec(rest) ?? [];
    const v1 = this.#actor(who).vsn === 1;
    const [to, event] = topic ? [topic, 'echo'] : ['"phoenix"', 'heartbeat'];
    if (v1) {
      await this.play(`${who} → {"topic":${to},"event":"${event}","payload":{},"ref":${ref}}`);
      await this.play(
        `${who} ← {"topic":${to},"event":"phx_reply","payload":{"status":"ok","response":{}},"ref":${ref}}`,
      );
    } else {
      const as = topic ? j : 'null';
      await this.play(`${who} → [${as},${ref},${to},"${event}",{}]`);
      await this.play(`${who} ← [${as},${ref},${to},"phx_reply",{"status":"ok","response":{}}]`);
    }
  }

  async #closed(who: string, codes: string) {
    this.#ended.add(who);
    const { code, reason } = await this.client(who).closed();
    if (this.#actor(who).via === 'longpoll') return;
    if (!codes.split('|').includes(`${code}`)) throw new Error(`${who} was closed with ${code}, not ${codes}`);
    if (reason !== '') throw new Error(`${who} was closed with the reason "${reason}"`);
  }

  async #post(topic: string, event: string, payload: string) {
    const query = new URLSearchParams({ topic: this.name(topic), event });
    const answer = await request('POST', `${this.url}/broadcast?${query}`, {
      headers: { 'content-type': 'application/json' },
      body: this.#expand(payload),
    });
    if (answer.status !== 200) throw new Error(`POST /broadcast was answered with ${answer.status}`);
  }

  #expand(text: string): string {
    return text.replace(/"(?:[^"\\]|\\.)*"|\b(?:T|U|ID)\d*\b|\bVIA\b|\$\w+/g, (token) => {
      if (token.startsWith('"')) return token;
      if (token.startsWith('$')) return JSON.stringify(`${VARIABLE}${token}`);
      return JSON.stringify(token === 'VIA' ? this.via : this.name(token));
    });
  }

  /** The bytes that a `⇒` or `⇐` line writes. */
  bytes(text: string): Buffer {
    const parts: Buffer[] = [];
    for (const [token] of text.matchAll(/\|"(?:[^"\\]|\\.)*"\||"(?:[^"\\]|\\.)*"|\S+/g)) {
      const [, length] = /^\|(.*)\|$/.exec(token) ?? [];
      const [, fill] = /^fill\((\d+)\)$/.exec(token) ?? [];
      if (length !== undefined) parts.push(Buffer.from([this.#text(length).length]));
      else if (fill !== undefined)
        parts.push(Buffer.from(Array.from({ length: Number(fill) }, (_, at) => (at * 7) % 256)));
      else if (/^[0-9a-f]{2}$/.test(token)) parts.push(Buffer.from(token, 'hex'));
      else parts.push(this.#text(token));
    }
    return Buffer.concat(parts);
  }

  #text(token: string): Buffer {
    return Buffer.from(`${JSON.parse(this.#expand(token))}`);
  }
}

/** A heartbeat and its reply. */
export const heartbeat = (ref: string): [string, string] => [
  `[null,"${ref}","phoenix","heartbeat",{}]`,
  `[null,"${ref}","phoenix","phx_reply",{"status":"ok","response":{}}]`,
];

export const times = (count: number, line: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => line(at + 1)).join('\n');

const VARIABLE = '\u0001';

function unordered(lines: readonly string[]): string[] {
  const who = /^((?:\w+ )?)⇠ /.exec(lines[0] ?? '')?.[1];
  if (who === undefined) return [];
  const end = lines.findIndex((line) => !line.startsWith(`${who}⇠ `));
  return lines.slice(0, end === -1 ? lines.length : end);
}

function written(value: Json | Frame): string {
  return Buffer.isBuffer(value) ? show(value) : show(JSON.stringify(value));
}

function match(expected: Json, actual: Json, bound: Bound): Bound | undefined {
  if (typeof expected === 'string' && expected.startsWith(VARIABLE)) return bind(expected, actual, bound);
  if (isList(expected)) {
    if (!isList(actual) || actual.length !== expected.length) return undefined;
    return expected.reduce<Bound | undefined>((so, value, at) => so && match(value, actual[at] ?? null, so), bound);
  }
  if (isObject(expected)) {
    if (!isObject(actual)) return undefined;
    const keys = Object.keys(expected);
    if (Object.keys(actual).length !== keys.length) return undefined;
    return keys.reduce<Bound | undefined>((so, key) => {
      const [wanted = null, got] = [expected[key], Object.hasOwn(actual, key) ? actual[key] : undefined];
      if (!so || got === undefined) return undefined;
      return key === 'metas' && isList(wanted) && isList(got)
        ? matchInAnyOrder(wanted, got, so)
        : match(wanted, got, so);
    }, bound);
  }
  return Object.is(expected, actual) || expected === actual ? bound : undefined;
}

function matchInAnyOrder(expected: readonly Json[], actual: readonly Json[], bound: Bound): Bound | undefined {
  const [first, ...others] = expected;
  if (first === undefined) return actual.length === 0 ? bound : undefined;
  for (const [at, value] of actual.entries()) {
    const so = match(first, value, bound);
    const all = so && matchInAnyOrder(others, actual.toSpliced(at, 1), so);
    if (all) return all;
  }
  return undefined;
}

function bind(name: string, actual: Json, bound: Bound): Bound | undefined {
  if (typeof actual !== 'string' || actual === '') return undefined;
  const known = bound.get(name);
  if (known !== undefined) return known === actual ? bound : undefined;
  if ([...bound.values()].includes(actual)) return undefined;
  return new Map(bound).set(name, actual);
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
