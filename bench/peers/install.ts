import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Installs the peers' packages where they are not yet: a package of their own, so that `npm ci` does not bring them. */
export function installPeers(): void {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  if (existsSync(`${folder}/node_modules/socket.io`)) return;
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder];
  const { status } = spawnSync('npm', options, { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('The peers could not be installed: see above.');
}
