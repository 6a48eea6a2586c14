// `prepare`, which npm runs after an install here, before it packs, and in a clone that somebody depends on: builds.
// An install without the compiler or the sources (an image's) has nothing to build.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const compiler = 'node_modules/typescript/bin/tsc';
if (existsSync('tsconfig.build.json') && existsSync(compiler)) {
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
