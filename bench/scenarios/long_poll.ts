import { atOnce } from '../generator/at_once.ts';
import { Poller } from '../generator/poller.ts';
import { loadRooms } from '../generator/room_load.ts';
import { openRooms } from '../generator/rooms.ts';
import type { Scenario } from '../scenario.ts';
import { aerie, socketIo, socketIoOnUws } from '../servers/rooms.ts';
import { deliveryFigures } from './figures.ts';

const POLLERS = 200;
const AT_ONCE = 16;
const BYTES = 128;
const PER_SECOND = 10;

export const longPollScenario: Scenario = {
  name: 'long-poll',
  asks: '200 clients poll over HTTP, and get what one with a WebSocket publishes, 1 message of 128 B at a time',
  contestants: [aerie(), socketIo(), socketIoOnUws()],
  baselineOf: () => aerie().name,
  figures: deliveryFigures('server', PER_SECOND),
  async drive(subject, scale) {
    const [node] = subject.nodes;
    const [room] = await openRooms(subject, 1, 1, BYTES);
    if (!node || !room) throw new Error('no node');
    const pollers = await atOnce(POLLERS, AT_ONCE, () => Poller.open(node.port, subject.wire, 'room:0'));
    return loadRooms(subject, scale, [{ ...room, members: [...room.members, ...pollers] }], PER_SECOND);
  },
};
