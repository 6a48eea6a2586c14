import { fileURLToPath } from 'node:url';
import { type Child, startChild, untilReady } from '../machine/child.ts';
import type { Cores } from '../machine/cores.ts';
import { freePort, isListening } from '../machine/port.ts';

/** Runs a source file of this folder as a program. */
export const sourceCommand = (file: string, from: string): string[] => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL(file, from)),
];

export interface Started {
  readonly port: number;
  readonly child: Child;
}

/** Starts a server on a free port, on the servers' core; resolves when it listens. */
export async function startServer(
  cores: Cores,
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Started> {
  const port = await freePort();
  const child = startChild(cores.server, command, { env: { NODE_ENV: 'production', ...env, PORT: `${port}` } });
  await untilReady(child, () => isListening(port));
  return { port, child };
}
