import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which cores the parts of a measurement run on; empty where they are left to the scheduler. */
export interface Cores {
  readonly server: string | undefined;
  readonly generator: string | undefined;
  /** Redis: where there is a third core it disturbs nobody. */
  readonly redis: string | undefined;
}

const isTasksetThere = () => spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

/** The cores this process may use. */
function allowed(): number[] {
  const list = /Cpus_allowed_list:\s+(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

/** One core for servers and another for the generator, where `taskset` and two cores are there. */
export function chooseCores(): Cores {
  const [server, generator, third] = allowed();
  if (generator === undefined || !isTasksetThere())
    return { server: undefined, generator: undefined, redis: undefined };
  return { server: `${server}`, generator: `${generator}`, redis: `${third ?? generator}` };
}

/** The command that runs another one on a core. */
export function pinned(core: string | undefined, command: readonly string[]): [string, ...string[]] {
  const [program = '', ...args] = command;
  return core === undefined ? [program, ...args] : ['taskset', '-c', core, program, ...args];
}
