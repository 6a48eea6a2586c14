import { spawnSync } from 'node:child_process';

/** Programs that the specs run, by the package that has them on Debian, and how to see that they are there. */
const programs = {
  'redis-server': 'redis-server --version',
  haproxy: 'haproxy -v',
  // For specs of pages.
  chromium: '[ -n "$CHROMIUM" ] || chromium --version || chromium-browser --version || google-chrome --version',
  // For `config` alone, which needs no engine.
  'docker-compose': 'docker compose version || docker-compose version',
};

export const runs = (command) => spawnSync(command, { shell: true, stdio: 'ignore' }).status === 0;

/** Packages of which the PATH has no program. */
export const missingPackages = () => Object.keys(programs).filter((name) => !runs(programs[name]));
