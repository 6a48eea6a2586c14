import { eventually } from './eventually.ts';
import { freePort } from './free_port.ts';
import { RedisProcess } from './redis_process.ts';

export interface SentinelDeployment {
  readonly url: string;
  readonly master: RedisProcess;
  readonly replica: RedisProcess;
  stop(): Promise<void>;
}

/** A master, its replica, and three sentinels that notice within a second that the master is gone. */
export async function redisWithSentinels(): Promise<SentinelDeployment> {
  const persistence = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''];
  const processes: RedisProcess[] = [];
  const start = async (args: readonly string[], config?: string) => {
    const started = await RedisProcess.start(await freePort(), args, config);
    processes.push(started);
    return started;
  };
  const stop = async () => void (await Promise.all(processes.map((each) => each.stop())));
  try {
    const master = await start(persistence);
    const replica = await start([...persistence, '--replicaof', `127.0.0.1 ${master.port}`]);
    const config = [
      `sentinel monitor aerie 127.0.0.1 ${master.port} 2`,
      'sentinel down-after-milliseconds aerie 1000',
      'sentinel failover-timeout aerie 5000',
    ];
    const sentinels: RedisProcess[] = [];
    for (let at = 0; at < 3; at++) sentinels.push(await start(['--sentinel'], `${config.join('\n')}\n`));
    await eventually(async () => {
      for (const sentinel of sentinels) {
        const known = String(await sentinel.ask('SENTINEL', 'MASTER', 'aerie'));
        expect(known).toMatch(/num-slaves,1,.*num-other-sentinels,2,/);
      }
      expect(String(await replica.ask('INFO', 'replication'))).toContain('master_link_status:up');
    }, 20_000);
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join();
    return { url: `redis+sentinel://${hosts}/aerie`, master, replica, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
