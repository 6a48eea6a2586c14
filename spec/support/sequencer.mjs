import TestSequencer from '@jest/test-sequencer';

/**
 * They take long, most of them since they wait for leases, failovers, faults, processes and browsers: begun last, one would be
 * all that is left.
 */
const LONG_FOLDERS = /spec\/(?:client|console|deploy|server\/fairness|torture)\//;
const LONG_FILES = [
  ...['absent', 'assistant', 'deaths', 'departures', 'failing_nodes', 'failures', 'faults', 'killed', 'limits', 'main'],
  ...['official_client', 'observing', 'presence', 'readiness', 'restarts', 'slow', 'starting', 'truth'],
  ...[
    'analytics/analytics',
    'analytics/day',
    'analytics/week',
    'control/control',
    'kernel/node_parts',
    'layout/layout',
  ],
  ...['control/multi_agents', 'observation/multi_agents', 'messages/delivery', 'orbit/port', 'spec/package'],
];

const isLong = ({ path }) => LONG_FOLDERS.test(path) || LONG_FILES.some((name) => path.endsWith(`/${name}.spec.ts`));

/**
 * The order of Jest, but for the long ones, which come early also where nobody has measured them yet: they take turns with
 * the others, so that the cores are busy while they wait.
 */
export default class LongOnesEarly extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const [long, others] = [sorted.filter(isLong), sorted.filter((test) => !isLong(test))];
    return sorted.flatMap((_, at) => [...long.slice(at, at + 1), ...others.slice(at, at + 1)]);
  }
}
