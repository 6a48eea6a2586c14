import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { pinned } from './cores.ts';

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** The end of its stderr. */
  readonly stderr: () => string;
  /** SIGTERM, then SIGKILL. */
  stop(): Promise<void>;
}

const KEEP_CHARACTERS = 4_000;
const GRACE_MS = 5_000;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program that ends with this process at the latest. */
export function startChild(
  core: string | undefined,
  command: readonly string[],
  { env = {}, ipc = false }: { readonly env?: NodeJS.ProcessEnv; readonly ipc?: boolean } = {},
): Child {
  const [program, ...args] = pinned(core, command);
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  });
  let stderr = '';
  child.stderr?.on('data', (data) => {
    stderr = (stderr + data).slice(-KEEP_CHARACTERS);
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  child.stdout?.resume();
  return {
    pid: child.pid ?? 0,
    process: child,
    stderr: () => stderr,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await exit;
      clearTimeout(late);
    },
  };
}

/**
 * Waits until something is so.
 *
 * @throws Error when the child has ended, or after `withinMs`
 */
export async function untilReady(child: Child, isReady: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const { exitCode, signalCode } = child.process;
    if (exitCode !== null || signalCode !== null) throw new Error(`a server ended at its start: ${child.stderr()}`);
    if (await isReady().catch(() => false)) return;
    if (performance.now() > deadline) throw new Error(`a server is not ready: ${child.stderr()}`);
    await sleep(50);
  }
}
