import { join } from 'node:path';
import { NODE_FLAGS } from './node_flags.ts';

/** The most nodes that `haproxy.cfg` has lines for where they are no containers. */
export const MAX_NODES = 8;

/** A program of the stack as it runs without containers. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** On top of what the environment has. */
  readonly env: Readonly<Record<string, string>>;
}

const HOST = '127.0.0.1';

/** The Compose service `redis`: same file, and only loopback. */
export function redisProgram(port: number, dir: string, password = ''): Program {
  const places = ['--port', `${port}`, '--bind', HOST, '--dir', dir];
  const secret = password === '' ? [] : ['--requirepass', password];
  return {
    name: 'redis',
    command: 'redis-server',
    args: [join('deploy', 'redis.conf'), ...places, ...secret],
    env: {},
  };
}

/** A container of the Compose service `aerie`: what the image runs, and the load balancer's address. */
export function nodeProgram(name: string, port: number, redisUrl: string): Program {
  return {
    name,
    command: process.execPath,
    args: [...NODE_FLAGS, join('dist', 'platform', 'main.js')],
    env: { NODE_ENV: 'production', HOST, PORT: `${port}`, REDIS_URL: redisUrl, TRUST_PROXY: HOST },
  };
}

/** The nodes of a stack on this machine; the first has ORBIT's port, which only one can have. */
export function nodePrograms(ports: readonly number[], redisUrl: string): Program[] {
  return ports.map((port, at) => {
    const node = nodeProgram(`node${at + 1}`, port, redisUrl);
    return at === 0 ? node : { ...node, env: { ...node.env, ORBIT_PORT: '0' } };
  });
}

/** The Compose service `haproxy`: same file; where the nodes are is told by port instead of by name. */
export function haproxyProgram(port: number, nodePorts: readonly number[]): Program {
  const nodes = nodePorts.map((nodePort, at) => [`AERIE_NODE_${at + 1}`, `${HOST}:${nodePort}`] as const);
  return {
    name: 'haproxy',
    command: 'haproxy',
    args: ['-db', '-f', join('deploy', 'haproxy.cfg')],
    env: { AERIE_HTTP_BIND: `${HOST}:${port}`, ...Object.fromEntries(nodes) },
  };
}
