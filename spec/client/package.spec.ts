import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { run } from '../support/packed.ts';

// What `npm pack` makes of the client library, and whoever depends on it.

const tool = (name: string) => join('node_modules', '.bin', name);
const FACES = ['.', './node', './react', './package.json'];

let dir: string;
let tarball: string;
let files: readonly string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aerie-client-package-'));
  const said = await run('npm', [
    'pack',
    '--json',
    '--ignore-scripts',
    '--pack-destination',
    dir,
    '-w',
    'aerie-client',
  ]);
  type Told = { filename: string; files: { path: string }[] };
  const [packed] = Object.values(JSON.parse(said) as Record<string, Told>);
  tarball = join(dir, packed?.filename ?? '');
  files = (packed?.files ?? []).map(({ path }) => path);
  await run('tar', ['-xzf', tarball], dir);
}, 60_000);
afterAll(() => rm(dir, { recursive: true }));

it('holds the build of the library, and nothing else', () => {
  const sources = readdirSync('client/src', { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.replace(/\.ts$/, ''));
  const built = sources.flatMap((source) => [`dist/${source}.js`, `dist/${source}.d.ts`]);
  expect([...files].sort()).toEqual(['LICENSE', 'README.md', 'package.json', ...built].sort());
});

it('stands on the official client and tweetnacl alone', () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('client/package.json', 'utf8'));
  expect(Object.keys(dependencies)).toEqual(['phoenix', 'tweetnacl']);
  expect(Object.keys(peerDependencies)).toEqual(['react']);
});

it('is well formed for Node.js and bundlers, as publint says', async () => {
  expect(await run(process.execPath, [tool('publint'), 'run', '--strict', tarball])).toContain('All good!');
}, 60_000);

it('leads TypeScript from each face to types that fit the code, as attw says', async () => {
  const options = ['--profile', 'esm-only', '--format', 'json', '--no-definitely-typed'];
  const said = JSON.parse(await run(process.execPath, [tool('attw'), ...options, tarball]));
  expect(Object.keys(said.analysis.entrypoints).sort()).toEqual([...FACES].sort());
  const problems = Object.values(said.problems as Record<string, { resolutionKind?: string }[]>).flat();
  expect(problems.filter(({ resolutionKind = '' }) => !/^node10$|^node16-cjs$/.test(resolutionKind))).toEqual([]);
}, 60_000);

it('compiles in a program that has it alone, which checks the types of libraries too', async () => {
  const home = join(dir, 'program');
  await mkdir(join(home, 'node_modules'), { recursive: true });
  for (const name of ['phoenix', 'tweetnacl'])
    await symlink(resolve('node_modules', name), join(home, 'node_modules', name));
  await rename(join(dir, 'package'), join(home, 'node_modules', 'aerie-client'));
  await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'program', type: 'module' }));
  const program = `import { connect, micro } from 'aerie-client';
    const agent = await connect({ url: 'http://127.0.0.1:4000', credential: 'x' });
    for await (const message of agent.inbox) console.log(message.from, micro('1'));`;
  await writeFile(join(home, 'main.ts'), program);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', ''];
  const lib = ['--lib', 'es2023,dom,dom.iterable,dom.asynciterable'];
  await run(resolve('node_modules/.bin/tsc'), [...options, ...lib, 'main.ts'], home);
}, 60_000);

describe('its size, minified and gzipped, without what it stands on', () => {
  /** As a bundler of whoever uses it makes it. */
  const kib = async (without?: RegExp) => {
    const { outputFiles } = await build({
      entryPoints: ['client/dist/index.js'],
      bundle: true,
      minify: true,
      format: 'esm',
      external: ['phoenix', 'tweetnacl'],
      write: false,
      plugins: [
        {
          name: 'without',
          setup: ({ onResolve }) => {
            if (without) onResolve({ filter: without }, ({ path }) => ({ path, external: true }));
          },
        },
      ],
    });
    return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length / 1_024;
  };

  // The contract wants 20 and 15 (CLIENT.md); docs/decisions/0011-client.md says where the rest is.
  it('is at most 20.6 KiB in all, and 19.5 KiB without sessions and conversations', async () => {
    expect(await kib()).toBeLessThan(20.6);
    expect(await kib(/\/(session|conversation)\//)).toBeLessThan(19.5);
  });
});
