import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Makes a folder for all that this process and those it starts write, by `TMPDIR`, and removes it when this process ends. Servers
 * are killed before that if `child.ts` was imported earlier.
 */
export function useRunFolder(): void {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  process.env.TMPDIR = folder;
  // A server that was killed a moment ago may still be writing: then the removal is tried again.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
}
