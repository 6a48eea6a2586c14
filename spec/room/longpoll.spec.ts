import { useRoom } from '../support/room_server.ts';
import { binaryUploads } from './cases/binary.ts';
import { broadcasts, credentials, disconnects } from './cases/broadcast.ts';
import { events, payloads } from './cases/event.ts';
import { heartbeats } from './cases/heartbeat.ts';
import { joins } from './cases/join.ts';
import { duplicateJoins, leaves, stops } from './cases/leave.ts';
import { messages, sessions } from './cases/longpoll.ts';
import { presences } from './cases/presence.ts';
import { performAll } from './script.ts';

describe('the room over long poll', () => {
  const room = useRoom();
  performAll(room, sessions, 'longpoll');
  performAll(room, messages, 'longpoll');

  describe('does what it does over WebSocket', () => {
    for (const cases of [credentials, heartbeats, joins, events, payloads, leaves, duplicateJoins, stops])
      performAll(room, cases, 'longpoll');
    for (const cases of [broadcasts, disconnects, presences, binaryUploads]) performAll(room, cases, 'longpoll');
  });
});
