// `prepare`, which npm runs after an install here, before it packs, and in a clone that somebody depends on.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

// npm 10 and older link Node.js 22 into node_modules/.bin, and then remove the links of the same name that the packages for
// other platforms would have. So it is linked once more.
const { optionalDependencies } = JSON.parse(readFileSync('deploy/node22/package.json', 'utf8'));
const brought = Object.keys(optionalDependencies).find((name) => existsSync(`node_modules/${name}`));
if (brought && !existsSync('node_modules/.bin/node') && process.env.npm_execpath) {
  run(process.env.npm_execpath, 'rebuild', '--silent', '--ignore-scripts', brought);
}

// An install without the compilers or the sources (an image's) has nothing to build.
const compiler = 'node_modules/typescript/bin/tsc';
for (const project of ['client/tsconfig.json', 'tsconfig.build.json']) {
  if (existsSync(project) && existsSync(compiler)) run(compiler, '-p', project);
}
if (existsSync('console/build.mjs') && existsSync('node_modules/esbuild')) run('console/build.mjs');
