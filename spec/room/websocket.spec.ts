import { useRoom } from '../support/room_server.ts';
import { binaries, binaryUploads } from './cases/binary.ts';
import { broadcasts, credentials, disconnects } from './cases/broadcast.ts';
import { events, payloads } from './cases/event.ts';
import { heartbeats } from './cases/heartbeat.ts';
import { joins } from './cases/join.ts';
import { duplicateJoins, leaves, stops } from './cases/leave.ts';
import { malformed } from './cases/malformed.ts';
import { endings, presences } from './cases/presence.ts';
import { subprotocols, wires } from './cases/wire.ts';
import { performAll } from './script.ts';

describe('the room over WebSocket', () => {
  const room = useRoom();
  for (const cases of [
    wires,
    subprotocols,
    credentials,
    heartbeats,
    joins,
    events,
    payloads,
    leaves,
    duplicateJoins,
    stops,
  ])
    performAll(room, cases);
  for (const cases of [broadcasts, disconnects, presences, endings, binaries, binaryUploads, malformed])
    performAll(room, cases);
});
