import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The machine and the versions that figures are of: no names, no places. */
export interface MachineDescription {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly fileSystem: string;
  readonly node: string;
  readonly pinned: boolean;
  readonly versions: Readonly<Record<string, string>>;
}

const GIB = 1024 ** 3;
/** `f_type` of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
};

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

function versionOf(manifest: string): string | undefined {
  const file = root(manifest);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined;
}

function said(program: string, args: readonly string[], pattern: RegExp): string | undefined {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', cwd: root('.') });
  return pattern.exec(stdout ?? '')?.[1];
}

export function describeMachine(pinned: boolean): MachineDescription {
  const [first] = cpus();
  const versions = {
    Aerie: versionOf('package.json'),
    'uWebSockets.js': versionOf('node_modules/uWebSockets.js/package.json'),
    ws: versionOf('bench/peers/node_modules/ws/package.json'),
    'Socket.IO': versionOf('bench/peers/node_modules/socket.io/package.json'),
    'Socket.IO Redis adapter': versionOf('bench/peers/node_modules/@socket.io/redis-adapter/package.json'),
    lmdb: versionOf('node_modules/lmdb/package.json'),
    'sodium-native': versionOf('node_modules/sodium-native/package.json'),
    Redis: said('redis-server', ['--version'], /v=(\S+)/),
  };
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / GIB),
    kernel: release(),
    fileSystem: FILE_SYSTEMS[statfsSync(tmpdir()).type] ?? 'another',
    node: process.versions.node,
    pinned,
    versions: Object.fromEntries(Object.entries(versions).filter(([, version]) => version !== undefined)) as Record<
      string,
      string
    >,
  };
}
