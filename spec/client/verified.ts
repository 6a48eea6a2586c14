import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/packed.ts';

/** Writes evidence into a file and has `aerie verify` look at it. */
export async function verified(evidence: object): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'aerie-evidence-'));
  try {
    writeFileSync(join(dir, 'evidence.json'), JSON.stringify(evidence));
    return await run(process.execPath, ['dist/platform/cli.js', 'verify', join(dir, 'evidence.json')]);
  } finally {
    await rm(dir, { recursive: true });
  }
}
