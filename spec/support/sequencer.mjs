import TestSequencer from '@jest/test-sequencer';

/** They take long, most of them since they wait for leases, failovers and faults: begun last, one would be all that is left. */
const LONG =
  /spec\/(?:(?:deploy|torture|server\/fairness|channels\/analytics)\/|.*\/(?:faults|limits|restarts|starting)\.spec)/;

/**
 * The order of Jest, but for the long ones, which come early also where nobody has measured them yet: they take turns with
 * the others, so that the cores are busy while they wait.
 */
export default class LongOnesEarly extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const isLong = ({ path }) => LONG.test(path);
    const [long, others] = [sorted.filter(isLong), sorted.filter((test) => !isLong(test))];
    return sorted.flatMap((_, at) => [...long.slice(at, at + 1), ...others.slice(at, at + 1)]);
  }
}
