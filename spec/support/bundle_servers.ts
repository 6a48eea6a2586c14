import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { bundlesFolder } from './bundled.ts';

/** Programs that are servers: the product's, and those that a spec has for something beside. */
const PROGRAMS = [
  'dist/platform/main.js',
  'spec/channels/control/commanding_node.mjs',
  'spec/channels/credits/paying_node.mjs',
  'spec/channels/flows/watching_node.mjs',
  'spec/channels/session/dying_node.mjs',
];
/** They load files of their own. */
const NOT_BUNDLED = ['@datadog/sketches-js', 'koffi', 'lmdb', 'pino', 'sodium-native', 'uWebSockets.js'];

/** A file still finds its neighbours, those of the one in `dist`. */
const ownUrls: Plugin = {
  name: 'own urls',
  setup(on) {
    on.onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path)));
      return { contents, loader: 'js' };
    });
  },
};

/**
 * Bundles the built servers into few files: a start loads some 1,600 else, which is most of its time, and the specs start
 * hundreds. Resolves at once where nothing is built.
 */
export async function bundleServers(): Promise<void> {
  if (!existsSync('dist/platform/main.js')) return;
  const folder = bundlesFolder();
  mkdirSync(folder);
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  await build({
    entryPoints: PROGRAMS,
    outdir: folder,
    outbase: '.',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: NOT_BUNDLED,
    plugins: [ownUrls],
    // What CommonJS requires of Node.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'warning',
  });
}
