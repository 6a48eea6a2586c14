// `npm run setup`: brings the system packages that the specs need, on Debian as root; elsewhere says what they are.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { missingPackages, runs } from './programs.mjs';

const say = (line) => process.stdout.write(`${line}\n`);

function install(packages) {
  say(`installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { stdio: ['ignore', 'ignore', 'inherit'], env };
  spawnSync('apt-get', ['update', '-qq'], options);
  // Not as services: the specs start their own.
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
}

let missing = missingPackages();
const canInstall = existsSync('/etc/debian_version') && process.getuid?.() === 0 && runs('apt-get --version');
if (missing.length > 0 && canInstall) {
  install(missing);
  missing = missingPackages();
}
if (missing.length > 0) {
  const elsewhere = 'macOS: brew install redis haproxy docker-compose; CHROMIUM=<path of a Chrome>';
  say(`Missing: ${missing.join(', ')}. Install them (Debian, as root: npm run setup; ${elsewhere}).`);
  process.exit(1);
}
say('All system packages that the specs need are there.');
