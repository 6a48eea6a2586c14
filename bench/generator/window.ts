import { setTimeout as sleep } from 'node:timers/promises';
import { busySeconds, cpuSeconds } from '../machine/process_usage.ts';
import type { Subject } from '../scenario.ts';

/** CPU and memory used between the beginning and the end of a measurement. */
export interface Used {
  readonly seconds: number;
  /** Of all nodes together. */
  readonly serverCpuSeconds: number;
  readonly redisCpuSeconds: number;
  readonly serverCores: number;
  readonly generatorCores: number;
  /** Cores that other processes on this machine used meanwhile. */
  readonly foreignCores: number;
}

/** Measures what the servers, and this process, use while something goes on. */
export async function measureUse(subject: Subject, work: () => Promise<unknown>): Promise<Used> {
  const servers = subject.nodes.map(({ pid }) => pid);
  const redis = subject.redisPid === undefined ? [] : [subject.redisPid];
  const now = () => ({
    ms: performance.now(),
    server: cpuSeconds(servers),
    redis: cpuSeconds(redis),
    generator: process.cpuUsage(),
    machine: busySeconds(),
  });
  const before = now();
  await work();
  const after = now();
  const seconds = (after.ms - before.ms) / 1_000;
  const [server, ofRedis, generator] = [
    after.server - before.server,
    after.redis - before.redis,
    (after.generator.user + after.generator.system - before.generator.user - before.generator.system) / 1e6,
  ];
  return {
    seconds,
    serverCpuSeconds: server,
    redisCpuSeconds: ofRedis,
    serverCores: server / seconds,
    generatorCores: generator / seconds,
    foreignCores: Math.max(0, (after.machine - before.machine - server - ofRedis - generator) / seconds),
  };
}

export const measureUseFor = (subject: Subject, seconds: number): Promise<Used> =>
  measureUse(subject, () => sleep(seconds * 1_000));

/** The figures that say where the limit was. */
export const loadOf = ({ serverCores, generatorCores, foreignCores }: Used) => ({
  serverCores,
  generatorCores,
  foreignCores,
});
