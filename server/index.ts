/** The framework, as the author of a channel sees it. Importing it loads no native code. */
export { type Rate, TokenBucket } from './allowance/token_bucket.ts';
export { type Answer, accept, errorReply, grant, type JoinAnswer, later, type Reply, reply, stop } from './answer.ts';
export { type Channel, channel, channelsFor } from './channel.ts';
export type { Broadcasting, ChannelSocket, EndReason, Events, TypedHub } from './channel_socket.ts';
export { channelsOf, deadlinesOf, type Feature, type FeatureKinds, type FeaturePort } from './feature.ts';
export { type ChannelJoined, type EventHandled, type EventRefused, type HandlerCrashed, hooks } from './hooks.ts';
export type { Exchange, HttpAnswer } from './http/exchange.ts';
export { Hub } from './hub.ts';
export { type Log, silentLog } from './log.ts';
export type { NodeInfo, Nodes } from './nodes/port.ts';
export {
  anyPayload,
  binaryPayload,
  invalidPayload,
  type PayloadOf,
  type PayloadType,
  payloadCheck,
} from './payload.ts';
export { payloadFault } from './payload_faults.ts';
export type { PubSub, Subscription } from './pubsub/port.ts';
export {
  type CloseCause,
  type CredentialPlaces,
  openRaw,
  type RawAccepted,
  type RawRefusal,
  type RawRejected,
  type RawRequest,
  type RawSession,
  type RawSocket,
  type RawTerms,
  rejectRaw,
} from './raw_socket.ts';
export { frameworkReasons, type Refusal, refusals, refuse } from './refusal.ts';
export { internalTopic } from './reserved_topics.ts';
export {
  type ConnectAnswer,
  type ConnectRequest,
  connected,
  type Opener,
  type Rejected,
  reject,
  socket,
  type Why,
} from './socket.ts';
export { Unavailable } from './unavailable.ts';
