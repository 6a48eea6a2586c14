import { eventually } from './eventually.ts';
import { freePort } from './free_port.ts';
import { RedisProcess } from './redis_process.ts';

const SLOTS = 16_384;

export interface RedisCluster {
  /** With one of the masters only: the others have to be found. */
  readonly url: string;
  readonly masters: readonly RedisProcess[];
  readonly replicas: readonly RedisProcess[];
  stop(): Promise<void>;
}

/** A Redis Cluster of three masters, and a replica of the first one where asked for. */
export async function redisCluster({ replicas: count = 0 } = {}): Promise<RedisCluster> {
  const busPorts = new Map<RedisProcess, number>();
  for (let started = 0; started < 3 + count; started++) await startNode(busPorts);
  const processes = [...busPorts.keys()];
  const stop = async () => void (await Promise.all(processes.map((each) => each.stop())));
  try {
    return await form(processes, busPorts, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function form(
  processes: readonly RedisProcess[],
  busPorts: ReadonlyMap<RedisProcess, number>,
  stop: () => Promise<void>,
): Promise<RedisCluster> {
  const [masters, replicas] = [processes.slice(0, 3), processes.slice(3)];
  const [first] = masters;
  if (!first) throw new Error('no master');
  for (const [at, master] of masters.entries()) {
    const [from, to] = [Math.floor((SLOTS * at) / 3), Math.floor((SLOTS * (at + 1)) / 3) - 1];
    await master.ask('CLUSTER', 'ADDSLOTSRANGE', from, to);
  }
  for (const other of processes.slice(1)) {
    await other.ask('CLUSTER', 'MEET', '127.0.0.1', first.port, busPorts.get(first) ?? 0);
  }
  const state = async (one: RedisProcess) => String(await one.ask('CLUSTER', 'INFO'));
  await eventually(async () => {
    for (const each of processes) expect(await state(each)).toContain(`cluster_known_nodes:${processes.length}`);
    for (const each of processes) expect(await state(each)).toContain('cluster_state:ok');
  }, 20_000);
  const id = String(await first.ask('CLUSTER', 'MYID'));
  for (const replica of replicas) await replica.ask('CLUSTER', 'REPLICATE', id);
  for (const replica of replicas) {
    await eventually(
      async () => expect(String(await replica.ask('INFO', 'replication'))).toContain('link_status:up'),
      20_000,
    );
  }
  return {
    url: `redis+cluster://127.0.0.1:${masters[1]?.port}`,
    masters,
    replicas,
    stop,
  };
}

/** The bus takes a port of its own, 10,000 above unless told. */
async function startNode(busPorts: Map<RedisProcess, number>): Promise<void> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500', '--save', '', '--appendonly', 'yes'];
  const busPort = await freePort();
  const process = await RedisProcess.start(await freePort(), [...settings, '--cluster-port', `${busPort}`]);
  busPorts.set(process, busPort);
}
