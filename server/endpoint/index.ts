/** The framework's server: an endpoint, what it listens on and how much clients may send. It loads uWebSockets.js. */
export { type Allowances, defaultAllowances } from '../allowance/accounts.ts';
export { RequestAllowance } from '../allowance/requests.ts';
export type { Rate } from '../allowance/token_bucket.ts';
export { localNodes } from '../nodes/local.ts';
export { localPubSub } from '../pubsub/local.ts';
export { Turn } from '../runtime/turn.ts';
export type { MountOptions } from '../transport/mount.ts';
export type { RawMountOptions } from '../transport/raw/mount.ts';
export { version } from '../version.ts';
export { Endpoint } from './endpoint.ts';
export { AddressUnavailable, Listener, type Respond } from './listener.ts';
export type { AnswerHttp, EndpointLimits, EndpointOptions, FurtherPort } from './options.ts';
export { EndpointStats } from './stats.ts';
export { MAX_TOPICS, TopicBoard } from './topic_board.ts';
