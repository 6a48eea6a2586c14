import * as Socket from '@effect/platform/Socket';
import { Rpc, RpcClient, RpcGroup, RpcSerialization } from '@effect/rpc';
import { Context, Effect, Layer, Logger, ManagedRuntime, Schedule, Schema } from 'effect';
import WebSocket from 'ws';
import type { Address } from '../../support/aerie.ts';

/** The catalogue as a client's author writes it from the system's page, for the engine that the page's own client stands on. */

const TaskId = Schema.UUID.pipe(Schema.brand('TaskId'));
const AgentId = Schema.UUID.pipe(Schema.brand('AgentId'));
const ConversationId = Schema.UUID.pipe(Schema.brand('ConversationId'));
const MessageId = Schema.UUID.pipe(Schema.brand('MessageId'));

const ConversationSchema = Schema.Struct({
  id: ConversationId,
  name: Schema.optional(Schema.String),
  createdBy: AgentId,
  metadata: Schema.optional(Schema.Struct({ tags: Schema.optional(Schema.Array(Schema.String)) })),
  lastMessageTimestamp: Schema.optional(Schema.DateFromString),
  createdAt: Schema.DateFromString,
  updatedAt: Schema.DateFromString,
  archivedAt: Schema.optional(Schema.DateFromString),
});

const TextPart = Schema.Struct({ type: Schema.Literal('text'), text: Schema.String });
const MessageSchema = Schema.Struct({
  id: MessageId,
  conversationId: ConversationId,
  senderId: AgentId,
  replyToId: Schema.optional(MessageId),
  parts: Schema.NonEmptyArray(TextPart),
  createdAt: Schema.DateFromString,
});

const payload = { message: Schema.optional(Schema.String), data: Schema.optional(Schema.Unknown) };
export class Unauthorized extends Schema.TaggedError<Unauthorized>()('Unauthorized', payload) {}
export class Forbidden extends Schema.TaggedError<Forbidden>()('Forbidden', payload) {}
export class TaskNotFound extends Schema.TaggedError<TaskNotFound>()('TaskNotFound', payload) {}
export class AgentNotFound extends Schema.TaggedError<AgentNotFound>()('AgentNotFound', payload) {}
export class ConversationNotFound extends Schema.TaggedError<ConversationNotFound>()('ConversationNotFound', payload) {}
export class ConversationFull extends Schema.TaggedError<ConversationFull>()('ConversationFull', payload) {}
export class ParticipantNotAdmitted extends Schema.TaggedError<ParticipantNotAdmitted>()(
  'ParticipantNotAdmitted',
  payload,
) {}
export class InvalidParamsError extends Schema.TaggedError<InvalidParamsError>()('InvalidParamsError', payload) {}
export class ProtocolMismatchError extends Schema.TaggedError<ProtocolMismatchError>()('ProtocolMismatchError', {
  ...payload,
  data: Schema.Struct({
    reason: Schema.Literal('server-above-client-max', 'server-below-client-min'),
    serverVersion: Schema.String,
    clientMinProtocol: Schema.String,
    clientMaxProtocol: Schema.String,
  }),
}) {}
export class AlreadyConnected extends Schema.TaggedError<AlreadyConnected>()('AlreadyConnected', {
  ...payload,
  principal: Schema.Literal('agent', 'app'),
}) {}

const versions = { minProtocol: Schema.String, maxProtocol: Schema.String };
const connectErrors = Schema.Union(InvalidParamsError, AlreadyConnected, ProtocolMismatchError, Unauthorized);

const group = RpcGroup.make(
  Rpc.make('agent/network/connect', {
    payload: { agentKey: Schema.String, ...versions },
    success: Schema.Struct({}),
    error: connectErrors,
  }),
  Rpc.make('app/network/connect', {
    payload: { appKey: Schema.String, ...versions },
    success: Schema.Struct({}),
    error: connectErrors,
  }),
  Rpc.make('app/conversation/create', {
    // Ids as strings: a spec sends wrong ones too.
    payload: { taskId: Schema.String, name: Schema.optional(Schema.String), participants: Schema.Array(Schema.String) },
    success: Schema.Struct({ conversation: ConversationSchema }),
    error: Schema.Union(Unauthorized, Forbidden, TaskNotFound, AgentNotFound, ParticipantNotAdmitted, ConversationFull),
  }),
  Rpc.make('agent/conversation/list', {
    payload: { limit: Schema.optional(Schema.Number), cursor: Schema.optional(Schema.String) },
    success: Schema.Struct({
      items: Schema.Array(
        Schema.Struct({ taskId: TaskId, conversation: ConversationSchema, participants: Schema.Array(AgentId) }),
      ),
      nextCursor: Schema.optional(Schema.String),
    }),
    error: Schema.Union(Unauthorized, Forbidden, InvalidParamsError, ConversationNotFound),
  }),
  Rpc.make('agent/message/send', {
    payload: { taskId: Schema.String, conversationId: Schema.String, parts: Schema.Array(TextPart) },
    success: Schema.Struct({ message: MessageSchema }),
    error: Schema.Union(Unauthorized, Forbidden, ConversationNotFound),
  }),
  // On the system's page, and not served.
  Rpc.make('agent/task/list', { payload: {}, success: Schema.Struct({}), error: Forbidden }),
);

const makeClient = RpcClient.make(group, { flatten: true });
type Client = Effect.Effect.Success<typeof makeClient>;
const ClientTag = Context.GenericTag<Client>('the client');

/** The key of who connects, as its connect wants it. */
export type Credential = { readonly agentKey: string } | { readonly appKey: string };

/** `@effect/rpc` at a server's `/rpc`, as JSON-RPC. It opens its sockets itself, another when one is lost. */
export class EffectClient {
  readonly call: Client;
  /** Every socket that the engine has opened. */
  readonly sockets: readonly WebSocket[];
  /** Frames of the server, of all sockets. */
  readonly heard: readonly { readonly method?: string }[];
  readonly #runtime: ManagedRuntime.ManagedRuntime<Client, never>;

  private constructor(
    call: Client,
    sockets: readonly WebSocket[],
    heard: readonly { readonly method?: string }[],
    runtime: ManagedRuntime.ManagedRuntime<Client, never>,
  ) {
    this.call = call;
    this.sockets = sockets;
    this.heard = heard;
    this.#runtime = runtime;
  }

  /** @param clock the engine's, where time is not to pass by itself */
  static async open({ url }: Address, clock: Layer.Layer<never> = Layer.empty): Promise<EffectClient> {
    const sockets: WebSocket[] = [];
    const heard: { method?: string }[] = [];
    const webSockets = Layer.succeed(Socket.WebSocketConstructor, (address) => {
      const socket = new WebSocket(address);
      sockets.push(socket);
      socket.on('message', (data) => heard.push(JSON.parse(String(data))));
      return socket as unknown as globalThis.WebSocket;
    });
    const layer = Layer.scoped(ClientTag, makeClient).pipe(
      Layer.provide(RpcClient.layerProtocolSocket({ retrySchedule: Schedule.spaced('50 millis') })),
      Layer.provide(RpcSerialization.layerJsonRpc()),
      Layer.provide(Socket.layerWebSocket(`${url.replace('http', 'ws')}/rpc`)),
      Layer.provide(webSockets),
      Layer.provide(clock),
      Layer.provide(Logger.remove(Logger.defaultLogger)),
    );
    const runtime = ManagedRuntime.make(layer);
    return new EffectClient(await runtime.runPromise(ClientTag), sockets, heard, runtime);
  }

  static async connected(address: Address, credential: Credential, clock?: Layer.Layer<never>): Promise<EffectClient> {
    const client = await EffectClient.open(address, clock);
    await client.run(client.connect(credential));
    return client;
  }

  connect(credential: Credential, version = '2026.5.1') {
    const range = { minProtocol: version, maxProtocol: version };
    return 'agentKey' in credential
      ? this.call('agent/network/connect', { ...credential, ...range })
      : this.call('app/network/connect', { ...credential, ...range });
  }

  run<A, E>(effect: Effect.Effect<A, E>): Promise<A> {
    return this.#runtime.runPromise(effect);
  }

  /** Resolves to the error, of the engine's typed ones: a defect rejects. */
  failure<A, E>(effect: Effect.Effect<A, E>): Promise<E> {
    return this.run(Effect.flip(effect));
  }

  close(): Promise<void> {
    return this.#runtime.dispose();
  }
}
