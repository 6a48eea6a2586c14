import type { ChildProcess } from 'node:child_process';

export interface Ended {
  /** `null` if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Resolves when a process has ended, with all that it has said. */
export function ended(child: ChildProcess): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (data) => {
      said[name] += data;
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })));
}
