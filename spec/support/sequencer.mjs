import TestSequencer from '@jest/test-sequencer';

/** They wait for minutes, for leases, failovers and faults: begun last, one of them would be all that is left. */
const LONG = /spec\/(?:deploy|torture|server\/fairness)\//;

/** The order of Jest, but for the long ones, which come first also where nobody has measured them yet. */
export default class LongOnesFirst extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const isLong = ({ path }) => LONG.test(path);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
