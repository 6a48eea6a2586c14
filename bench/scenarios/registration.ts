import { closedLoop } from '../generator/closed_loop.ts';
import { newKeys, PlatformClient } from '../generator/platform_client.ts';
import { loadOf } from '../generator/window.ts';
import { loadFigures, type Scenario } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';

const AT_ONCE = 32;
const READY_KEYS = 20_000;

export const registrationScenario: Scenario = {
  name: 'registration',
  asks: 'agents are registered over HTTP, each with a public key of its own, 32 at once',
  contestants: [embedded(), onRedis()],
  figures: [
    { key: 'perSecond', label: 'agents a second', unit: '/s', better: 'more', isPlotted: true },
    { key: 'cpuUsEach', label: 'CPU of the server for one', unit: 'µs', better: 'less' },
    { key: 'p50Ms', label: 'p50', unit: 'ms', better: 'less' },
    { key: 'p99Ms', label: 'p99', unit: 'ms', better: 'less' },
    ...loadFigures,
  ],
  needs: { redis: true },
  async drive(subject, scale) {
    const client = new PlatformClient(subject, AT_ONCE);
    // Before the clock runs: making one takes longer than registering may.
    const keys = Array.from({ length: READY_KEYS }, newKeys);
    const { used, perSecond, cpuUsEach, p50Ms, p99Ms } = await closedLoop(subject, scale, AT_ONCE, () =>
      client.register({}, keys.pop()),
    );
    return { perSecond, cpuUsEach, p50Ms, p99Ms, ...loadOf(used) };
  },
};
