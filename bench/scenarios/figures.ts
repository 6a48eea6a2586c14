import type { Figure } from '../scenario.ts';

/** Counts of deliveries that went wrong. */
export const faultFigures: readonly Figure[] = [
  { key: 'lost', label: 'lost', unit: '', better: 'less', isFault: true },
  { key: 'repeated', label: 'repeated', unit: '', better: 'less', isFault: true },
  { key: 'swapped', label: 'swapped', unit: '', better: 'less', isFault: true },
];

/** CPU of both sides: a server below 0.95 cores beside a generator above it could do more. */
export const loadFigures: readonly Figure[] = [
  { key: 'serverCores', label: 'CPU used by the server', unit: 'cores', better: 'less', isRemark: true },
  { key: 'generatorCores', label: 'by the load generator', unit: 'cores', better: 'less', isRemark: true },
  { key: 'foreignCores', label: 'by others', unit: 'cores', better: 'less', isRemark: true },
];

/** The figures of `loadRooms`. @param of whose CPU it is. @param perSecond at which latency is measured */
export const deliveryFigures = (of: 'server' | 'nodes', perSecond: number): readonly Figure[] => [
  {
    key: 'cpuUsPerDelivery',
    label: `CPU of the ${of} for a million deliveries`,
    unit: 's',
    better: 'less',
    isPlotted: true,
  },
  { key: 'redisCpuUsPerMessage', label: 'CPU of Redis for a message', unit: 'µs', better: 'less' },
  { key: 'deliveriesPerSecond', label: 'deliveries a second', unit: '/s', better: 'more' },
  { key: 'p50Ms', label: `p50 at ${perSecond} messages/s`, unit: 'ms', better: 'less' },
  { key: 'p99Ms', label: `p99 at ${perSecond} messages/s`, unit: 'ms', better: 'less' },
  ...loadFigures,
  ...faultFigures,
];

/** The figures of `closedLoop`. @param things that are done. @param until when one is, as in "until the answer" */
export const loopFigures = (things: string, until = ''): readonly Figure[] => [
  { key: 'perSecond', label: `${things} a second`, unit: '/s', better: 'more', isPlotted: true },
  { key: 'cpuUsEach', label: 'CPU of the server for one', unit: 'µs', better: 'less' },
  { key: 'redisCpuUsEach', label: 'CPU of Redis for one', unit: 'µs', better: 'less' },
  { key: 'p50Ms', label: `p50 ${until}`.trim(), unit: 'ms', better: 'less' },
  { key: 'p99Ms', label: `p99 ${until}`.trim(), unit: 'ms', better: 'less' },
  ...loadFigures,
];
