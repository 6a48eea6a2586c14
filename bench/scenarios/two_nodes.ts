import { faultFigures, loadFigures, type Scenario } from '../scenario.ts';
import { aerie, socketIo, socketIoOnUws } from '../servers/rooms.ts';
import { driveFanOut } from './fan_out.ts';

const SHAPE = { rooms: 1, subscribersEach: 1_000, bytes: 128, perSecond: 50 };

export const twoNodesScenario: Scenario = {
  name: 'two-nodes',
  asks: '1 message at a time to 1,000 subscribers, on one node and on two over Redis (bound: two nodes take at most 1.25 times the CPU)',
  contestants: [aerie(), aerie(2), socketIo(), socketIo(2), socketIoOnUws(), socketIoOnUws(2)],
  baselineOf: (contestant) => contestant.replace(', 2 nodes', ''),
  figures: [
    {
      key: 'cpuUsPerDelivery',
      label: 'CPU of the nodes for a million deliveries',
      unit: 's',
      better: 'less',
      isPlotted: true,
    },
    { key: 'redisCpuUsPerMessage', label: 'CPU of Redis for a message', unit: 'µs', better: 'less' },
    { key: 'deliveriesPerSecond', label: 'deliveries a second', unit: '/s', better: 'more' },
    { key: 'p50Ms', label: 'p50 at 50 messages/s', unit: 'ms', better: 'less' },
    { key: 'p99Ms', label: 'p99 at 50 messages/s', unit: 'ms', better: 'less' },
    ...loadFigures,
    ...faultFigures,
  ],
  needs: { redis: true },
  drive: (subject, scale) => driveFanOut(subject, scale, SHAPE),
};
