import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For bundles of servers, in the folder of the run. */
export const bundlesFolder = () => join(tmpdir(), 'servers');

/** @returns the bundle of a program, or itself where there is none */
export function bundled(program: string): string {
  const bundle = join(bundlesFolder(), program.replace(/\.js$/, '.mjs'));
  return existsSync(bundle) ? bundle : program;
}

/** For what Node has compiled of them, for the next starts. */
export const compileCache = () => join(bundlesFolder(), 'compiled');
