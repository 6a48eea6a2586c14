import type { Nodes } from '../../server/index.ts';

/** The part of one core that this process has used since the last call, 0 to 1. */
export function cpuMeter(): () => number {
  let before = process.cpuUsage();
  let beforeMs = performance.now();
  return () => {
    const used = process.cpuUsage(before);
    const elapsedMs = performance.now() - beforeMs;
    before = process.cpuUsage();
    beforeMs = performance.now();
    return elapsedMs <= 0 ? 0 : Math.min(1, (used.user + used.system) / 1_000 / elapsedMs);
  };
}

/** Mean over the nodes that have reported, 0 to 1. */
export function systemLoad(nodes: Pick<Nodes, 'live'>): number {
  const loads = nodes.live().flatMap(({ gauges }) => (gauges.cpu === undefined ? [] : [gauges.cpu]));
  if (loads.length === 0) return 0;
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  return Math.round(mean * 1_000) / 1_000;
}
