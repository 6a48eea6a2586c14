import type { Flow } from '../../../channels/flows/port.ts';
import { TRAFFIC_KINDS, type Traffic } from '../../../channels/kernel/traffic.ts';

const inWindow = (atMs: number, nowMs: number) => Math.floor(atMs / 1_000) > Math.floor(nowMs / 1_000) - 60;
const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

/** The statistics of a flow, from all that has passed. `undefined`: nothing within the window. */
export function plainFlow(all: readonly Traffic[], from: string, to: string, nowMs: number): Flow | undefined {
  const own = all.filter((each) => each.from === from && each.to === to && (each.messages > 0 || each.settled));
  const recent = own.filter(({ atMs }) => inWindow(atMs, nowMs));
  if (recent.length === 0) return undefined;
  const after = recent.flatMap(({ settled }) => (settled?.as === 'acknowledged' ? [settled.afterMs] : []));
  const rejected = recent.filter(({ settled }) => settled?.as === 'rejected').length;
  return {
    from,
    to,
    statistics: {
      messageCount: recent.reduce((sum, { messages }) => sum + messages, 0),
      averageLatency: after.length > 0 ? mean(after) : null,
      maxLatency: after.length > 0 ? Math.max(...after) : null,
      minLatency: after.length > 0 ? Math.min(...after) : null,
      successRate: after.length + rejected > 0 ? after.length / (after.length + rejected) : null,
      bandwidth: recent.reduce((sum, { bytes }) => sum + bytes, 0) / 60_000,
      lastActivityMs: Math.max(...own.map(({ atMs }) => atMs)),
    },
  };
}

/** The edge of two agents, from all that has passed. `from` < `to`. */
export function plainEdge(all: readonly Traffic[], from: string, to: string, nowMs: number) {
  const between = all.filter((each) => [each.from, each.to].sort().join() === `${from},${to}`);
  const recent = between.filter(({ atMs }) => atMs > nowMs - 600_000);
  if (recent.length === 0) return undefined;
  const kinds = TRAFFIC_KINDS.filter((kind) => recent.some((each) => each.kind === kind));
  return { from, to, kinds, lastActivityMs: Math.max(...recent.map(({ atMs }) => atMs)) };
}
