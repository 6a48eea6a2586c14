import type { Scenario } from '../scenario.ts';
import { aerie, socketIo, socketIoOnUws } from '../servers/rooms.ts';
import { driveFanOut } from './fan_out.ts';
import { deliveryFigures } from './figures.ts';

const SHAPE = { rooms: 1, subscribersEach: 1_000, bytes: 128, perSecond: 50 };

export const twoNodesScenario: Scenario = {
  name: 'two-nodes',
  asks: '1 message at a time to 1,000 subscribers, on one node and on two over Redis (aim: two nodes take at most 1.25 times the CPU)',
  contestants: [aerie(), aerie(2), socketIo(), socketIo(2), socketIoOnUws(), socketIoOnUws(2)],
  baselineOf: (contestant) => contestant.replace(', 2 nodes', ''),
  figures: deliveryFigures('nodes', SHAPE.perSecond),
  needs: { redis: true },
  drive: (subject, scale) => driveFanOut(subject, scale, SHAPE),
};
