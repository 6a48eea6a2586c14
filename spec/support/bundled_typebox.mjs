import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { build } from 'esbuild';

const PARTS = ['typebox', 'typebox/compile', 'typebox/value'];
const { version } = JSON.parse(readFileSync('node_modules/typebox/package.json', 'utf8'));
const folder = resolve('node_modules', '.cache', `typebox-${version}`);
const fileOf = (part) => part.replace('/', '-');

/** Bundles it: Jest loads its 700 files anew for each file of specs. It is kept for the next runs. */
async function bundle() {
  // Two runs may begin at once.
  const mine = `${folder}.${process.pid}`;
  await build({
    entryPoints: Object.fromEntries(PARTS.map((part) => [fileOf(part), part])),
    outdir: mine,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  try {
    renameSync(mine, folder);
  } catch {
    rmSync(mine, { recursive: true });
  }
}

if (!existsSync(folder)) await bundle();

/** For Jest's `moduleNameMapper`. */
export const bundledTypebox = Object.fromEntries(PARTS.map((part) => [`^${part}$`, `${folder}/${fileOf(part)}.mjs`]));
