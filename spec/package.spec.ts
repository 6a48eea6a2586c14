import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from './support/free_port.ts';
import { Client } from './support/official_client.ts';
import { installPacked, pack, run } from './support/packed.ts';
import { spawn } from './support/spawn.ts';

// What `npm pack` makes of this repository, and whoever depends on it.

const PACKED = ['server', 'presence', 'channels', 'gateways', 'crypto', 'platform', 'examples/room'];

const tool = (name: string) => join('node_modules', '.bin', name);

let dir: string;
let files: readonly string[];
let tarball: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aerie-package-'));
  ({ tarball, files } = await pack(dir));
}, 60_000);
afterAll(() => rm(dir, { recursive: true }));

describe('the package', () => {
  it('holds the build of the framework and what its programs need, and nothing else', () => {
    const sources = PACKED.flatMap((folder) =>
      readdirSync(folder, { recursive: true }).map((file) => `${folder}/${file}`),
    )
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.replace(/\.ts$/, ''));
    expect(sources.length).toBeGreaterThan(150);
    const built = sources.flatMap((source) => [`dist/${source}.js`, `dist/${source}.d.ts`]);
    const page = readdirSync('dist/console').map((file) => `dist/console/${file}`);
    expect(page).toContain('dist/console/index.html.br');
    expect([...files].sort()).toEqual(['LICENSE', 'README.md', 'package.json', ...built, ...page].sort());
  });

  it('has every file that package.json names', () => {
    const { exports, bin } = JSON.parse(readFileSync(join(dir, 'package', 'package.json'), 'utf8'));
    for (const file of [...Object.values(exports), ...Object.values(bin)] as string[]) {
      expect([file, existsSync(join(dir, 'package', file))]).toEqual([file, true]);
    }
  });

  it('is well formed for Node.js and bundlers, as publint says', async () => {
    expect(await run(process.execPath, [tool('publint'), 'run', '--strict', tarball])).toContain('All good!');
  }, 60_000);

  it('leads TypeScript from each face to types that fit the code, as attw says', async () => {
    // ESM only: `require` and resolution from before `exports` do not count.
    const options = ['--profile', 'esm-only', '--format', 'json', '--no-definitely-typed'];
    const said = JSON.parse(await run(process.execPath, [tool('attw'), ...options, tarball]));
    const faces = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).exports);
    expect(Object.keys(said.analysis.entrypoints).sort()).toEqual(faces.sort());
    const problems = Object.values(said.problems as Record<string, { resolutionKind?: string }[]>).flat();
    expect(problems.filter(({ resolutionKind = '' }) => !/^node10$|^node16-cjs$/.test(resolutionKind))).toEqual([]);
  }, 60_000);

  it('needs no override, which would not reach whoever depends on it, and no install script', () => {
    const ours = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(ours).not.toHaveProperty('overrides');
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; os?: string[] }>;
    };
    // Those for another platform alone are not installed.
    const withScript = Object.entries(packages)
      .filter(([, { hasInstallScript, os }]) => hasInstallScript && os?.includes('linux') !== false)
      .map(([path]) => path.replace(/^.*node_modules\//, ''));
    const denied = Object.entries(ours.allowScripts).filter(([, isAllowed]) => isAllowed === false);
    expect(denied.map(([name]) => name).sort()).toEqual([...new Set(withScript)].filter((name) => name !== '').sort());
  });
});

describe('a program that depends on the package', () => {
  let home: string;
  let server: ChildProcess | undefined;

  beforeAll(async () => {
    home = join(dir, 'program');
    await mkdir(join(home, 'built'), { recursive: true });
    await installPacked(dir, home);
    // The room example, with the imports of somebody who has it from the package.
    for (const [from, to] of [
      ['examples/room', home],
      ['dist/examples/room', join(home, 'built')],
    ] as const) {
      for (const file of (await readdir(from)).filter((name) => /(?<!\.d)\.[jt]s$/.test(name))) {
        const text = await readFile(join(from, file), 'utf8');
        const imports = /'\.\.\/\.\.\/(?:server\/)?(\w+\/)?index\.[jt]s'/g;
        const changed = text.replace(imports, (_, face = '') => `'aerie/${face}`.replace(/\/$/, "'"));
        await writeFile(join(to, file), changed);
      }
    }
  });
  afterAll(() => server?.kill('SIGKILL'));

  it('finds its types', async () => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
    const more = ['--allowImportingTsExtensions', '--skipLibCheck'];
    await run(resolve('node_modules/.bin/tsc'), [...options, ...more, 'main.ts'], home);
  }, 60_000);

  it('serves the room', async () => {
    const port = await freePort();
    server = spawn(process.execPath, ['built/main.js', '--port', `${port}`], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((done, fail) => {
      server?.stdout?.once('data', done);
      server?.once('exit', fail);
    });
    const client = new Client(`http://127.0.0.1:${port}`, {});
    const room = await client.join('room:1');
    expect(await room.push('echo', { a: 1 })).toEqual({ a: 1 });
    await client.close();
  });

  it('has the command that checks exports', async () => {
    await expect(run(process.execPath, ['node_modules/aerie/dist/platform/cli.js', '--help'], home)).resolves.toMatch(
      /^Usage: aerie verify/,
    );
  });
});
