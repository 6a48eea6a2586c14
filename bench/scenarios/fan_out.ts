import { loadRooms } from '../generator/room_load.ts';
import { openRooms } from '../generator/rooms.ts';
import type { Scale, Scenario, Subject } from '../scenario.ts';
import { allRooms, BARE } from '../servers/rooms.ts';
import { deliveryFigures } from './figures.ts';

/** Opening 10,000 sockets takes longer than a quick run has. */
const QUICK_ROOMS = 10;

interface Shape {
  readonly rooms: number;
  readonly subscribersEach: number;
  readonly bytes: number;
  /** Messages a second, in all rooms together, at which latency is measured. */
  readonly perSecond: number;
  /** In each room: 1 unless told. */
  readonly inFlight?: number;
}

/** Opens rooms on WebSockets, and loads them. */
export async function driveFanOut(subject: Subject, scale: Scale, shape: Shape) {
  // The publisher gets its own messages too.
  const rooms = await openRooms(subject, shape.rooms, shape.subscribersEach + 1, shape.bytes);
  return loadRooms(subject, scale, rooms, shape.perSecond, shape.inFlight);
}

function fanOut(name: string, asks: string, shape: Shape): Scenario {
  return {
    name,
    asks,
    ...(shape.bytes > small.bytes && { isSlow: true, maxRounds: 2 }),
    ...(shape.rooms > QUICK_ROOMS && { quick: `${QUICK_ROOMS} topics` }),
    contestants: allRooms(),
    baselineOf: () => BARE,
    figures: deliveryFigures('server', shape.perSecond),
    needs: { openFiles: shape.rooms * (shape.subscribersEach + 1) + 200 },
    drive: (subject, scale) =>
      driveFanOut(subject, scale, scale.isQuick ? { ...shape, rooms: Math.min(shape.rooms, QUICK_ROOMS) } : shape),
  };
}

const small = { bytes: 128 };
const large = { bytes: 1_024 };
const wide = { rooms: 1, subscribersEach: 1_000, perSecond: 50 };
const many = { rooms: 100, subscribersEach: 100, perSecond: 500 };

export const fanOuts: readonly Scenario[] = [
  fanOut('fan-out-1000', '1 message at a time of 128 B to 1,000 subscribers of one topic', { ...wide, ...small }),
  fanOut(
    'fan-out-1000-16',
    '16 messages at a time of 128 B to 1,000 subscribers, which a server may gather into fewer writes',
    {
      ...{ ...wide, ...small },
      inFlight: 16,
    },
  ),
  fanOut('fan-out-1000-1k', '1 message at a time of 1 KB to 1,000 subscribers of one topic', { ...wide, ...large }),
  fanOut('fan-out-100x100', '100 topics of 100 subscribers, 1 message of 128 B at a time in each', {
    ...many,
    ...small,
  }),
  fanOut('fan-out-100x100-1k', '100 topics of 100 subscribers, 1 message of 1 KB at a time in each', {
    ...many,
    ...large,
  }),
];
