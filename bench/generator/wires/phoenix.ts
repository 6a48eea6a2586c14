import type { Wire } from './wire.ts';

/** Phoenix Channels, version 2 of the protocol, as JSON. */
export const phoenix: Wire = {
  path: '/socket/websocket?vsn=2.0.0',
  greeting: [],
  join: (topic) => JSON.stringify(['1', '1', topic, 'phx_join', {}]),
  isJoined: (text) => text.startsWith('["1","1",') && text.includes('"phx_reply"') && text.includes('"ok"'),
  isRefused: (text) => text.includes('"phx_reply"') && text.includes('"status":"error"'),
  shout: (topic, body) => JSON.stringify(['1', '2', topic, 'shout', { body }]),
  echo: (topic, body) => JSON.stringify(['1', '3', topic, 'echo', { body }]),
};
