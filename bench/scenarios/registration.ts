import { newKeys, PlatformClient } from '../generator/platform_client.ts';
import { loopFigures } from './figures.ts';
import { onBothStores } from './on_both_stores.ts';

const AT_ONCE = 32;
/** More than can be registered: what is measured ends where they do. */
const KEYS_PER_SECOND = 10_000;

export const registrationScenario = onBothStores({
  name: 'registration',
  asks: 'agents are registered over HTTP, each with a public key of its own, 32 at once',
  figures: loopFigures('agents'),
  async prepare(subject, { seconds, warmUpSeconds }) {
    const client = new PlatformClient(subject, AT_ONCE);
    // Before the clock runs: making one takes longer than registering may.
    const keys = Array.from({ length: Math.ceil(KEYS_PER_SECOND * (seconds + warmUpSeconds)) }, newKeys);
    const work = async () => {
      const next = keys.pop();
      return next ? client.register({}, next) : false;
    };
    return { workers: AT_ONCE, work };
  },
});
