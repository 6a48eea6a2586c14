/** The framework: what a server of one's own is built from. */
export { type Answer, accept, errorReply, grant, type JoinAnswer, later, noReply, reply, stop } from './answer.ts';
export { type Channel, type ChannelSocket, channel, channelsFor, type EndReason } from './channel.ts';
export { Endpoint, type EndpointLimits, type EndpointOptions } from './endpoint/endpoint.ts';
export type { Exchange, HttpAnswer } from './http/exchange.ts';
export { type Log, silentLog } from './log.ts';
export { anyPayload, binaryPayload, type PayloadOf, type PayloadType } from './payload.ts';
export { localPubSub } from './pubsub/local.ts';
export type { PubSub } from './pubsub/port.ts';
export type { Refusal } from './refusal.ts';
export { type ConnectRequest, connected, reject, socket } from './socket.ts';
export type { MountOptions } from './transport/mount.ts';
