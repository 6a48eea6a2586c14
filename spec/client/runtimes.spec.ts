import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { ended } from '../support/ended.ts';
import { spawn } from '../support/spawn.ts';

let aerie: Aerie;
let dir: string;
beforeAll(async () => {
  aerie = await startAerieInFolder();
  dir = await mkdtemp(join(tmpdir(), 'aerie-runtimes-'));
});
afterAll(async () => {
  await aerie.stop();
  await rm(dir, { recursive: true });
});

// The packages of a platform hold the binaries themselves: no script has to fetch or place them.
const { platform, arch } = process;
const deno = join('node_modules/@deno', `${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`, 'deno');
const itsOwn = join('node_modules/@oven', `bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`, 'bin/bun');
// An npm that runs its script has moved it.
const bun = existsSync(itsOwn) ? itsOwn : 'node_modules/bun/bin/bun.exe';

it.each([
  ['Node.js', process.execPath, ['--experimental-websocket', '--no-warnings']],
  ['Deno', deno, ['run', '--quiet', '--no-lock', '--cached-only', '--allow-all']],
  ['Bun', bun, ['run']],
])(
  '%s runs a small market: found, told, served, read and paid',
  async (name, program, options) => {
    expect([program, existsSync(program)]).toEqual([program, true]);
    const args = [...options, 'spec/client/market.mjs', aerie.url, ADMIN_TOKEN, join(dir, name)];
    const env = { PATH: process.env.PATH, HOME: dir, DENO_DIR: join(dir, 'deno'), DENO_NO_UPDATE_CHECK: '1' };
    const { code, stdout, stderr } = await ended(spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      ...{ message: 'acknowledged', text: 'An old silent pönd', result: { lines: 1 } },
      ...{ amount: '0.05', nonce: 1, reason: 'cooperative', earned: '0.05' },
    });
  },
  60_000,
);
