import type { Wire } from './wire.ts';

/** Socket.IO 4 (Engine.IO 4) over WebSocket: `4` is a message, `2` an event, then the number of its acknowledgement. */
export const socketIo: Wire = {
  path: '/socket.io/?EIO=4&transport=websocket',
  greeting: ['40'],
  isReady: (text) => text.startsWith('40'),
  answerTo: (text) => (text === '2' ? '3' : undefined),
  join: (topic) => `421${JSON.stringify(['join', topic])}`,
  isJoined: (text) => text.startsWith('431'),
  isRefused: (text) => text.startsWith('44'),
  shout: (topic, body) => `42${JSON.stringify(['shout', topic, { body }])}`,
  echo: (_topic, body) => `423${JSON.stringify(['echo', { body }])}`,
};
