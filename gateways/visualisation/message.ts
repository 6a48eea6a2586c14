import type { SeenAgent } from '../../channels/observation/scene.ts';
import { type CoordinationKind, coordinationFrame } from './binary.ts';
import { type Metadata, PRIORITIES, type Priority, tailOf } from './envelope.ts';

/** A change of who is in sight. */
export type Roster =
  | { readonly registered: readonly SeenAgent[] }
  | { readonly hidden: { readonly agentId: string; readonly wireId: number } };

export interface MessageParts extends Metadata {
  readonly type: string;
  /** Time at which it happened. */
  readonly atMs: number;
  readonly payload: () => object;
  /** Agents that it names. */
  readonly agentIds: readonly string[];
  /** Of those of one type and key a slow socket gets the newest alone. */
  readonly key?: string;
  readonly roster?: Roster;
  /** JSON text of `payload.content`, for those who asked for it; others get `null`. */
  readonly content?: string;
  /** Of one that binary frames tell too. */
  readonly binary?: { readonly kind: CoordinationKind; readonly progress: number };
}

/** What was written for viewers so far: specs look at it. */
export const encodings = { messages: 0, frames: 0 };

/** A message to many sockets: its JSON is written once, when the first of them gets it. */
export class Message {
  readonly type: string;
  readonly atMs: number;
  readonly agentIds: readonly string[];
  readonly key: string | undefined;
  readonly roster: Roster | undefined;
  /** Place of its priority in `PRIORITIES`. */
  readonly level: number;
  /** Time after which it is not told any more, by the process's own clock. */
  readonly staleAtMs: number;
  readonly #parts: MessageParts;
  #payload: string | undefined;
  #tail: string | undefined;
  #tailWithContent: string | undefined;
  #frame: { readonly bytes: Buffer | undefined } | undefined;

  constructor(parts: MessageParts) {
    const { type, atMs, agentIds, key, roster, priority = 'normal', ttl } = parts;
    this.#parts = parts;
    this.type = type;
    this.atMs = atMs;
    this.agentIds = agentIds;
    this.key = key === undefined ? undefined : `${type} ${key}`;
    this.roster = roster;
    this.level = levelOf(priority);
    this.staleAtMs = ttl === undefined ? Number.POSITIVE_INFINITY : performance.now() + ttl;
  }

  /** The envelope behind its `id`. @param withContent for a channel that asked for the contents of messages */
  tail(withContent = false): string {
    if (withContent && this.#parts.content !== undefined) {
      this.#tailWithContent ??= this.#write(this.#withContent(this.#parts.content));
      return this.#tailWithContent;
    }
    this.#tail ??= this.#write(this.#parts.content === undefined ? this.payload : this.#withContent('null'));
    return this.#tail;
  }

  /** About as many characters as it has. */
  get length(): number {
    return this.payload.length + (this.#parts.content?.length ?? 0) + 200;
  }

  /** JSON text of the payload. */
  get payload(): string {
    this.#payload ??= JSON.stringify(this.#parts.payload());
    return this.#payload;
  }

  /** The binary frame that tells it too, if there is one. */
  get frame(): Buffer | undefined {
    const { binary } = this.#parts;
    if (!binary) return undefined;
    this.#frame ??= { bytes: coordinationFrame(binary.kind, binary.progress, this.payload) };
    return this.#frame.bytes;
  }

  #withContent(content: string): string {
    return `${this.payload.slice(0, -1)},"content":${content}}`;
  }

  #write(payload: string): string {
    encodings.messages++;
    return tailOf(this.#parts, payload);
  }
}

export const levelOf = (priority: Priority) => PRIORITIES.indexOf(priority);
