import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { haproxyProgram, MAX_NODES, nodeProgram, nodePrograms, redisProgram } from '../../deploy/stack.ts';

// The Compose stack, the image and `npm run cluster` are three ways to run one thing.

const read = (file: string) => readFileSync(file, 'utf8');
const compose = read('docker-compose.yml');
const dockerfile = read('Dockerfile');
const haproxy = read('deploy/haproxy.cfg');
const example = read('.env.example');
const manifest = read('deploy/kubernetes/aerie.yaml');

/** The lines of a Compose service. */
function service(name: string): string {
  const block = new RegExp(`^ {2}${name}:\\n((?: {3,}.*\\n|\\n)*)`, 'm').exec(compose)?.[1];
  if (!block) throw new Error(`no service ${name}`);
  return block;
}
const environmentOf = (name: string) =>
  [...(/^ {4}environment:\n((?: {6}.*\n)*)/m.exec(service(name))?.[1] ?? '').matchAll(/^ {6}([A-Z_]+):/gm)].map(
    ([, variable]) => variable ?? '',
  );

/** Every variable that the server reads. */
const variables = [
  ...new Set([...read('platform/config.ts').matchAll(/'([A-Z][A-Z_]+)'/g)].map(([, name]) => name ?? '')),
].filter((name) => !name.startsWith('ERR'));
/** Those that the image sets, that each node makes itself, that HAProxy takes over, or of a port for one machine. */
const notInCompose = (name: string) =>
  ['PORT', 'HOST', 'DATA_DIR', 'NODE_ID', 'TLS_CERT', 'TLS_KEY'].includes(name) || name.startsWith('ORBIT_');

describe('the configuration', () => {
  it('of a node in Compose has every variable that the server reads, and no other', () => {
    expect(variables.length).toBeGreaterThan(15);
    expect(environmentOf('aerie').sort()).toEqual(variables.filter((name) => !notInCompose(name)).sort());
  });

  it('in .env.example has every variable that Compose takes, and no other', () => {
    const taken = [...new Set([...compose.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name))].sort();
    const shown = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name).sort();
    expect(shown).toEqual(['COMPOSE_PROJECT_NAME', ...taken].sort());
  });

  it('that the image and the manifest set is one that the server reads', () => {
    const [set = ''] = /^ENV .*$/m.exec(dockerfile) ?? [];
    for (const [, name] of set.matchAll(/([A-Z_]+)=/g)) expect([...variables, 'NODE_ENV']).toContain(name);
    for (const [, name] of manifest.matchAll(/^ +- name: ([A-Z_]+)$/gm)) expect(variables).toContain(name);
  });
});

describe('the programs', () => {
  const node = nodeProgram('node1', 4001, 'redis://127.0.0.1:4009');
  const balancer = haproxyProgram(4000, [4001, 4002]);

  it('are the same: the image runs what the cluster runs', () => {
    expect(dockerfile).toContain(`CMD ${JSON.stringify(['node', ...node.args]).replaceAll(',', ', ')}`);
    expect(JSON.parse(read('package.json')).scripts.start).toBe(['node', ...node.args].join(' '));
    expect(service('redis')).toContain('"redis-server", "/etc/aerie/redis.conf"');
    expect(redisProgram(1, 'x').args[0]).toBe('deploy/redis.conf');
    expect(service('redis')).toContain('./deploy/redis.conf:/etc/aerie/redis.conf:ro');
    expect(service('haproxy')).toContain('"haproxy", "-db", "-f", "/etc/aerie/haproxy.cfg"');
    expect([balancer.command, ...balancer.args]).toEqual(['haproxy', '-db', '-f', 'deploy/haproxy.cfg']);
    expect(service('haproxy')).toContain('./deploy/haproxy.cfg:/etc/aerie/haproxy.cfg:ro');
  });

  it('share one machine: only the first node has ORBIT’s port, also where the environment sets it', () => {
    const nodes = nodePrograms([4001, 4002, 4003], 'redis://127.0.0.1:4009');
    expect(nodes.map(({ name, env }) => [name, env.PORT, env.ORBIT_PORT])).toEqual([
      ['node1', '4001', undefined],
      ['node2', '4002', '0'],
      ['node3', '4003', '0'],
    ]);
  });

  it('trust the load balancer and nobody else', () => {
    const [, address] = /ipv4_address: (\S+)/.exec(service('haproxy')) ?? [];
    expect(service('aerie')).toContain(`TRUST_PROXY: ${address}\n`);
    expect(node.env.TRUST_PROXY).toBe('127.0.0.1');
  });

  it('listen where HAProxy looks for them', () => {
    expect(dockerfile).toContain('PORT=4000');
    expect(haproxy).toContain('"$AERIE_HOST:4000"');
    for (const name of Object.keys({
      ...balancer.env,
      ...Object.fromEntries(environmentOf('haproxy').map((n) => [n, ''])),
    })) {
      expect(haproxy).toContain(name);
    }
    for (let at = 1; at <= MAX_NODES; at++) expect(haproxy).toContain(`"$AERIE_NODE_${at}"`);
    expect(haproxy).not.toContain(`AERIE_NODE_${MAX_NODES + 1}"`);
  });

  it('are given the time to drain', () => {
    const [, drainMs] = /integer\('DRAIN_MS', ([\d_]+)/.exec(read('platform/config.ts')) ?? [];
    const [, graceS] = /stop_grace_period: (\d+)s/.exec(service('aerie')) ?? [];
    const [, podGraceS] = /terminationGracePeriodSeconds: (\d+)/.exec(manifest) ?? [];
    const [, preStopS] = /setTimeout\(\(\) => \{\}, (\d+)000\)/.exec(manifest) ?? [];
    const neededMs = Number(drainMs?.replace('_', '')) + 8_000;
    expect(Number(graceS) * 1_000).toBeGreaterThan(neededMs);
    expect((Number(podGraceS) - Number(preStopS)) * 1_000).toBeGreaterThan(neededMs);
  });
});

describe('the files', () => {
  const environments = {
    'as containers have it': { AERIE_HOST: 'aerie', AERIE_DNS: '127.0.0.11:53', AERIE_TLS_PEM: '' },
    'as plain processes have it': haproxyProgram(4000, [4001, 4002]).env,
  };
  it.each(Object.entries(environments))('haproxy.cfg is valid, %s', (_, env) => {
    const { status, stderr } = spawnSync('haproxy', ['-c', '-f', 'deploy/haproxy.cfg'], {
      env: { PATH: process.env.PATH, ...env },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('docker-compose.yml is clean', () => {
    const commands = [['docker', 'compose'], ['docker-compose']] as const;
    const [command, ...own] =
      commands.find(([name, ...args]) => spawnSync(name, [...args, 'version']).status === 0) ?? commands[0];
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, REDIS_PASSWORD: 'x' };
    const args = [...own, '--env-file', '.env.example', 'config', '--quiet'];
    const { status, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('of npm give the image what it needs on its platform, and no Node.js beside its own', () => {
    expect(dockerfile).toContain('npm prune --omit=dev');
    type Locked = Record<string, { dev?: boolean; optional?: boolean }>;
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Locked };
    const named = (pattern: RegExp) => Object.entries(packages).filter(([path]) => pattern.test(path));
    const broughtAlong = named(/\/node-(bin-)?(linux|darwin|win)-/);
    expect(broughtAlong.length).toBe(5);
    for (const [path, { dev, optional }] of broughtAlong) expect([path, dev, optional]).toEqual([path, true, true]);
    const binaries = named(/\/@(lmdb|msgpackr-extract|koromix)\//);
    expect(binaries.length).toBeGreaterThan(8);
    for (const [path, { dev, optional }] of binaries) expect([path, dev, optional]).toEqual([path, undefined, true]);
  });

  it('that the image copies are there', () => {
    for (const [, names = ''] of dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)) {
      for (const name of names.split(' ')) expect([name, existsSync(name)]).toEqual([name, true]);
    }
  });
});
