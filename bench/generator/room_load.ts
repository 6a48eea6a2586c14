import { setTimeout as sleep } from 'node:timers/promises';
import type { Scale, Subject } from '../scenario.ts';
import { FanOut, type Room } from './fan_out.ts';
import { loadOf, measureUseFor, type Used } from './window.ts';

/**
 * Saturates the servers, then measures latency at a rate that all of them can do.
 *
 * @param perSecond messages a second, in all rooms together
 * @param inFlight in each room, while the servers are saturated
 */
export async function loadRooms(
  subject: Subject,
  { seconds, warmUpSeconds }: Scale,
  rooms: readonly Room[],
  perSecond: number,
  inFlight = 1,
) {
  const fan = new FanOut(rooms);
  let delivered = 0;
  let used: Used | undefined;
  await fan.saturate(inFlight, async () => {
    await sleep(warmUpSeconds * 1_000);
    const before = fan.delivered;
    used = await measureUseFor(subject, seconds);
    delivered = fan.delivered - before;
  });
  if (!used) throw new Error('nothing was measured');
  const latencies = await fan.atRate(perSecond, seconds);
  const membersEach = rooms[0]?.members.length ?? 0;
  return {
    deliveriesPerSecond: delivered / used.seconds,
    cpuUsPerDelivery: (used.serverCpuSeconds * 1e6) / delivered,
    ...(subject.redisPid !== undefined && {
      redisCpuUsPerMessage: (used.redisCpuSeconds * 1e6 * membersEach) / delivered,
    }),
    p50Ms: latencies.quantileMs(0.5),
    p99Ms: latencies.quantileMs(0.99),
    ...loadOf(used),
    ...fan.losses(),
  };
}
