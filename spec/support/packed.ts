import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { spawn } from './spawn.ts';

/** Runs a program to its end. @throws what it said, unless it ends with 0 */
export function run(command: string, args: readonly string[], cwd = '.'): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  return new Promise((done, fail) =>
    child.once('close', (code) => (code === 0 ? done(out) : fail(new Error(`${command}: ${code}\n${out}\n${err}`)))),
  );
}

export interface Packed {
  readonly tarball: string;
  /** Files in it, with paths below the package. */
  readonly files: readonly string[];
}

/** Packs the build as `npm pack` does, into `dir`, and unpacks it there as `dir/package`. */
export async function pack(dir: string): Promise<Packed> {
  // Without scripts: others run from the build, which must not be made anew beneath them.
  const said = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir]);
  type Told = { filename: string; files: { path: string }[] };
  const [packed] = Object.values(JSON.parse(said) as Record<string, Told>);
  const tarball = join(dir, packed?.filename ?? '');
  await run('tar', ['-xzf', tarball], dir);
  return { tarball, files: (packed?.files ?? []).map(({ path }) => path) };
}

/** Lays the unpacked package out for a program in `home`, as an install does, without a network. */
export async function installPacked(dir: string, home: string): Promise<void> {
  const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const modules = join(home, 'node_modules');
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(resolve('node_modules', name), join(modules, name));
  }
  await rename(join(dir, 'package'), join(modules, 'aerie'));
  await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'program', type: 'module' }));
}
