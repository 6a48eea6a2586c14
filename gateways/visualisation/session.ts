import { randomUUID } from 'node:crypto';
import { iso } from '../../channels/kernel/iso.ts';
import { type CloseCause, type Log, payloadCheck, type RawSession, type RawSocket } from '../../server/index.ts';
import { Answers } from './answers.ts';
import type { Audiences, Seat } from './audiences.ts';
import { heartbeatFrame, isHeartbeat } from './binary.ts';
import { ChannelCalls } from './channel_calls.ts';
import { ClientAllowance } from './client_allowance.ts';
import { type ClientMessage, faultOf, readMessage } from './client_frames.ts';
import { closeCodes } from './close_codes.ts';
import { COMMAND_TYPES, Commands, type CommandsOptions, isCommander } from './commands.ts';
import type { Visit } from './connect.ts';
import { Delivery } from './delivery.ts';
import { agree, type FeatureName, Handshake, isSpoken, KNOWN_VERSIONS } from './handshake.ts';
import { type FrameKind, frameKind, type Stage } from './moment.ts';
import { Negotiation } from './negotiation.ts';
import type { StoreClock } from './store_clock.ts';
import { Viewing } from './viewing.ts';

export interface SessionOptions extends CommandsOptions {
  readonly audiences: Audiences;
  readonly clock: StoreClock;
  readonly log: Log;
  readonly nodeId: string;
  readonly maxMessageBytes: number;
  readonly heartbeatMs: number;
  /** Has the session ticked until it is closed. */
  readonly minded: Set<Session>;
}

const HANDSHAKE_MS = 10_000;
const SNAPSHOT_EVERY_MS = 5_000;
/** A client that pauses and resumes all the time gets its snapshots so often; between them it stays paused. */
const RESUME_EVERY_MS = 1_000;
/** Longest message over the allowance of the endpoint that is read for its id, in characters. */
const MAX_READ_LENGTH = 16_384;
/** Longest time of a client's that is said back to it. */
const MAX_TIMESTAMP_LENGTH = 64;

const checkHandshake = payloadCheck(Handshake);

/** One socket of a viewer, on one of the three addresses (VISUALISATION.md, section 9). */
export class Session implements RawSession {
  readonly #socket: RawSocket;
  readonly #visit: Visit;
  readonly #options: SessionOptions;
  readonly #delivery: Delivery;
  readonly #answers: Answers;
  readonly #allowance = new ClientAllowance();
  readonly #openedAtMs = performance.now();
  readonly #channels: ChannelCalls;
  /** Since the handshake. */
  #negotiation: Negotiation | undefined;
  #viewing: Viewing | undefined;
  #seat: Seat | undefined;
  #commands: Commands | undefined;
  #heartbeatAtMs = 0;
  #snapshotAtMs = Number.NEGATIVE_INFINITY;
  #resumedAtMs = Number.NEGATIVE_INFINITY;
  #isToResume = false;

  constructor(socket: RawSocket, visit: Visit, options: SessionOptions) {
    this.#socket = socket;
    this.#visit = visit;
    this.#options = options;
    this.#delivery = new Delivery(socket, () => this.#close(closeCodes.tryLater, 'too slow'));
    this.#answers = new Answers({
      delivery: this.#delivery,
      nowMs: () => options.clock.nowMs(),
      countInvalid: () => this.#allowance.invalid(performance.now()),
      close: (code, reason) => this.#close(code, reason),
    });
    this.#channels = new ChannelCalls({
      channels: this.#delivery.channels,
      answers: this.#answers,
      isOn: () => this.#has('multiplexing'),
      onCreated: () => this.#negotiation?.fixVersion(),
      onClosed: (channel) => this.#viewing?.closeChannel(channel),
    });
    options.minded.add(this);
  }

  /** Minds the time, every so often. @param nowMs of `performance.now()` */
  tick(nowMs: number): void {
    if (this.#negotiation) {
      if (nowMs - this.#heartbeatAtMs >= this.#options.heartbeatMs) this.#beat(nowMs);
      if (this.#isToResume) this.#resume(nowMs);
    } else if (nowMs - this.#openedAtMs > HANDSHAKE_MS) {
      this.#answers.error({ code: 'CONNECTION_FAILED', message: 'No handshake in time.', component: 'connection' });
      this.#close(closeCodes.handshakeLate, 'no handshake');
    }
  }

  #beat(nowMs: number): void {
    this.#heartbeatAtMs = nowMs;
    // A socket that takes nothing needs no more of them to wait.
    if (!this.#delivery.hasRoom) return;
    const storeMs = this.#options.clock.nowMs();
    if (this.#has('binary')) this.#answers.frame(heartbeatFrame(storeMs));
    else this.#answers.bare({ type: 'heartbeat', timestamp: iso(storeMs) });
  }

  #has(feature: FeatureName): boolean {
    return this.#negotiation?.agreed.features.has(feature) ?? false;
  }

  // ---- what the endpoint tells

  message(text: string): void {
    const read = readMessage(text);
    if (!this.#negotiation) {
      if (read.ok && read.message.type === 'handshake' && !read.message.on) return this.#shakeHands(read.message);
      return this.#answers.endAsInvalid(read.ok ? { message: 'Expected handshake first.' } : read.fault);
    }
    if (read.ok && read.message.type === 'heartbeat') return this.#answerHeartbeat(read.message);
    const retryAfterMs = this.#allowance.take(performance.now());
    if (retryAfterMs > 0) return this.#answers.tooEarly(read.ok ? read.message.id : read.fault.requestId, retryAfterMs);
    if (!read.ok) return this.#answers.invalid(read.fault);
    const { on } = read.message;
    if (on && !this.#channels.isNew(on, read.message)) return;
    this.#handle(read.message, text, this.#negotiation);
  }

  binary(bytes: Uint8Array): void {
    if (!this.#negotiation) return this.#answers.endAsInvalid({ message: 'Expected handshake first.' });
    if (!this.#has('binary')) {
      const retryAfterMs = this.#allowance.take(performance.now());
      if (retryAfterMs > 0) return this.#answers.tooEarly(undefined, retryAfterMs);
      return this.#answers.invalid({ message: 'Binary messages are off.' });
    }
    if (isHeartbeat(bytes)) return this.#answers.frame(bytes);
    if (this.#allowance.take(performance.now()) > 0) {
      return this.#answers.errorFrame('RATE_LIMIT_EXCEEDED', 'Too many messages.');
    }
    this.#answers.errorFrame('INVALID_MESSAGE', 'Expected a heartbeat of 16 bytes, not compressed.');
  }

  refused(retryAfterMs: number, message: string | Uint8Array): void {
    const read = typeof message === 'string' && message.length <= MAX_READ_LENGTH ? readMessage(message) : undefined;
    this.#answers.tooEarly(read?.ok ? read.message.id : read?.fault.requestId, retryAfterMs);
  }

  drained(): void {
    this.#delivery.flush();
  }

  closing(cause: CloseCause): number | undefined {
    switch (cause) {
      case 'drain':
        this.#answers.lastWords('CONNECTION_FAILED', 'The node ends: connect again.');
        return undefined;
      case 'expired':
      case 'revoked':
      case 'disconnected':
        this.#answers.lastWords('AUTH_FAILED', 'The credential does not hold any more.');
        return closeCodes.authFailed;
      default:
        return undefined;
    }
  }

  closed(): void {
    this.#options.minded.delete(this);
    this.#seat?.leave();
    this.#commands?.close();
  }

  // ---- the handshake

  #shakeHands(message: ClientMessage): void {
    const checked = checkHandshake(message.fields);
    if (!checked.ok) return this.#answers.endAsInvalid(faultOf(checked, message.fieldsPath, message.id));
    const { version, capabilities, clientId } = checked.payload as Handshake;
    if (!isSpoken(version)) return this.#answers.endForVersion(message.id, KNOWN_VERSIONS);
    const { nodeId, clock, heartbeatMs, maxMessageBytes, log } = this.#options;
    const { viewer, clientVersion, address } = this.#visit;
    const agreed = agree(capabilities, this.#visit.takesBinary);
    this.#negotiation = new Negotiation(agreed, this.#answers, () => this.#agreedOn());
    this.#heartbeatAtMs = performance.now();
    const sessionId = randomUUID();
    log.info({ session: sessionId, address, clientId, clientVersion, version: agreed.version }, 'viewer');
    this.#answers.bare({
      type: 'handshake_ack',
      sessionId,
      protocols: this.#has('binary') ? ['binary', 'json'] : ['json'],
      heartbeatInterval: heartbeatMs,
      compression: agreed.compression?.algorithm ?? 'none',
      serverTime: iso(clock.nowMs()),
      version: agreed.version,
      node: nodeId,
      maxMessageSize: maxMessageBytes,
      correlationId: message.id,
    });
    if (address === 'control') {
      this.#commands = isCommander(viewer) ? new Commands(viewer, this.#answers, this.#options) : undefined;
    } else {
      this.#viewing = new Viewing(address, this.#delivery, this.#frameKind(address), () => clock.nowMs());
      this.#seat = this.#options.audiences.join(viewer, this.#viewing, (error) => this.#cannotShow(error));
    }
  }

  #frameKind(stage: Stage): FrameKind | undefined {
    if (!this.#negotiation || !this.#has('binary')) return undefined;
    return frameKind(stage, this.#has('streaming'), this.#negotiation.agreed.compression);
  }

  #cannotShow(error: unknown): void {
    this.#options.log.warn({ err: error }, 'nothing can be shown');
    const message = 'What happens cannot be seen now: connect again later.';
    this.#answers.error({ code: 'CONNECTION_FAILED', message, component: 'connection' });
    this.#close(closeCodes.tryLater, 'try again');
  }

  #agreedOn(): void {
    if (this.#viewing) this.#viewing.kind = this.#frameKind(this.#viewing.stage);
  }

  // ---- messages after it

  #handle(message: ClientMessage, text: string, negotiation: Negotiation): void {
    const { type, id } = message;
    switch (type) {
      case 'handshake':
        return this.#answers.endAsInvalid({ message: 'There is one handshake.', requestId: id });
      case 'version.negotiate':
        return negotiation.version(message);
      case 'compression.negotiate':
        return negotiation.compression(message);
      case 'snapshot.request':
        return this.#showAgain(message);
      case 'pause_updates':
        this.#isToResume = false;
        return this.#viewing?.pause();
      case 'resume_updates':
        return this.#resume(performance.now());
      case 'channel.create':
        return this.#channels.create(message);
      case 'channel.close':
        return this.#channels.close(message);
      default:
        if (this.#commands && COMMAND_TYPES.has(type)) return this.#commands.take(message, text);
        return this.#answers.invalid({ message: this.#unknownType(type), requestId: id, path: '/type' });
    }
  }

  #unknownType(type: string): string {
    return COMMAND_TYPES.has(type) ? 'Commands are taken at /api/control/ws alone.' : 'Unknown type.';
  }

  #answerHeartbeat({ fields, id }: ClientMessage): void {
    const timestamp = 'timestamp' in fields ? fields.timestamp : null;
    const isShort = typeof timestamp === 'string' && timestamp.length <= MAX_TIMESTAMP_LENGTH;
    this.#answers.bare({
      type: 'heartbeat_ack',
      timestamp: isShort || typeof timestamp === 'number' ? timestamp : null,
      serverTime: iso(this.#options.clock.nowMs()),
      correlationId: id,
    });
  }

  #showAgain({ id, type }: ClientMessage): void {
    if (!this.#viewing) {
      return this.#answers.invalid({ message: `${type} is for the addresses that show something.`, requestId: id });
    }
    const nowMs = performance.now();
    const retryAfterMs = Math.ceil(this.#snapshotAtMs + SNAPSHOT_EVERY_MS - nowMs);
    if (retryAfterMs > 0) return this.#answers.tooEarly(id, retryAfterMs, 'snapshot');
    this.#snapshotAtMs = nowMs;
    this.#seat?.showAgain();
  }

  #resume(nowMs: number): void {
    if (!this.#viewing?.isPaused) return;
    this.#isToResume = nowMs - this.#resumedAtMs < RESUME_EVERY_MS;
    if (this.#isToResume) return;
    this.#resumedAtMs = nowMs;
    this.#viewing.resume();
    this.#seat?.showAgain();
  }

  #close(code: number, reason: string): void {
    if (this.#socket.isOpen) this.#socket.close(code, reason);
  }
}
