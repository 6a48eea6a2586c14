// Builds the console into dist/console: scripts and styles under names that hold a hash of their content, and beside each
// file smaller ones for browsers that take brotli or gzip.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const FROM = import.meta.dirname;
const TO = join(FROM, '..', 'dist', 'console');

const { outputFiles, metafile } = await build({
  absWorkingDir: FROM,
  entryPoints: ['main.tsx'],
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  outdir: TO,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  write: false,
  metafile: true,
  logLevel: 'warning',
});

const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]));
const entry = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === 'main.tsx');
const [script, { cssBundle }] = entry;
const page = readFileSync(join(FROM, 'index.html'), 'utf8')
  .replace('main.css', `/console/${basename(cssBundle)}`)
  .replace('main.js', `/console/${basename(script)}`);
files.set('index.html', Buffer.from(page));

rmSync(TO, { recursive: true, force: true });
mkdirSync(TO, { recursive: true });
const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
for (const [name, bytes] of files) {
  writeFileSync(join(TO, name), bytes);
  writeFileSync(join(TO, `${name}.br`), brotliCompressSync(bytes, quality));
  writeFileSync(join(TO, `${name}.gz`), gzipSync(bytes, { level: 9 }));
}
