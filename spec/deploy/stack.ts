import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { LongPoll } from 'phoenix';
import { haproxyProgram, nodeProgram } from '../../deploy/stack.ts';
import { type Aerie, registerAgent, startAerie, type TestAgent } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { Client, type Topic } from '../support/official_client.ts';
import { type Proxy as Link, proxyTo } from '../support/proxy.ts';
import { RedisProcess } from '../support/redis_process.ts';
import { spawn } from '../support/spawn.ts';

export interface Entered {
  readonly agent: TestAgent;
  readonly client: Client;
  readonly topic: Topic;
}

/** Redis and HAProxy from `deploy/`, and nodes that reach Redis through a link of their own that can be broken. */
export class Stack {
  readonly redis: RedisProcess;
  readonly links: readonly Link[];
  /** HAProxy's. */
  readonly url: string;
  readonly nodes: Aerie[] = [];
  readonly entered: Entered[] = [];
  readonly #ports: readonly number[];
  readonly #statePort: number;
  readonly #env: Record<string, string>;
  #haproxy: ChildProcess | undefined;

  private constructor(
    redis: RedisProcess,
    links: readonly Link[],
    ports: readonly number[],
    haproxy: { port: number; statePort: number },
    env: object,
  ) {
    this.redis = redis;
    this.links = links;
    this.#ports = ports;
    this.url = `http://127.0.0.1:${haproxy.port}`;
    this.#statePort = haproxy.statePort;
    this.#env = { HTTP_RATE_LIMIT: '0', ...env };
  }

  static async start(count: number, env: Record<string, string> = {}): Promise<Stack> {
    const config = await readFile('deploy/redis.conf', 'utf8');
    const redis = await RedisProcess.start(await freePort(), [], config);
    const links: Link[] = [];
    const ports: number[] = [];
    for (let at = 0; at < count; at++) {
      links.push(await proxyTo({ host: '127.0.0.1', port: redis.port }));
      ports.push(await freePort());
    }
    const [port, statePort] = [await freePort(), await freePort()];
    const stack = new Stack(redis, links, ports, { port, statePort }, env);
    try {
      await Promise.all(ports.map((_, at) => stack.startNode(at)));
      const { command, args, env: addresses } = haproxyProgram(port, ports);
      stack.#haproxy = spawn(command, [...args, '-f', join('spec', 'deploy', 'haproxy_state.cfg')], {
        env: { ...process.env, ...addresses, AERIE_STATE_BIND: `127.0.0.1:${statePort}` },
        stdio: 'ignore',
      });
      await stack.balanced();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  async startNode(at: number): Promise<void> {
    const { env } = nodeProgram(`node${at + 1}`, this.#ports[at] ?? 0, this.links[at]?.url ?? '');
    this.nodes[at] = await startAerie({ ...env, ...this.#env });
  }

  /** Resolves when every node is ready, and the load balancer has seen it. */
  async balanced(): Promise<void> {
    await eventually(async () => {
      for (const node of this.nodes) expect((await node.call('GET', '/ready')).status).toBe(200);
      expect(await this.#states()).toEqual(this.nodes.map(() => 'UP'));
    }, 20_000);
    await eventually(async () => expect((await fetch(`${this.url}/ready`)).status).toBe(200), 10_000);
  }

  /** What HAProxy holds each node for: `UP` alone is one that no check in between has failed. */
  async #states(): Promise<(string | undefined)[]> {
    const socket = connect(this.#statePort, '127.0.0.1');
    // Of servers only, in every proxy.
    socket.write('show stat -1 4 -1\n');
    const [names = [], ...servers] = (await text(socket))
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    return servers.map((server) => server[names.indexOf('status')]);
  }

  /** A client joins through the load balancer, unless it is to sit on a certain node. */
  async enter(transport: 'websocket' | 'longpoll' = 'websocket', url = this.url): Promise<Entered> {
    const [node] = this.nodes;
    if (!node) throw new Error('no node');
    const agent = await registerAgent(node);
    const params = { api_key: agent.apiKey };
    const client = new Client(url, { params, ...(transport === 'longpoll' && { transport: LongPoll as never }) });
    try {
      const entered = { agent, client, topic: await client.join('agents:discovery') };
      this.entered.push(entered);
      return entered;
    } catch (refusal) {
      // It would go on trying.
      await client.close();
      throw refusal;
    }
  }

  async leave(entered: Entered): Promise<void> {
    this.entered.splice(this.entered.indexOf(entered), 1);
    await entered.client.close();
  }

  /** Resolves when everybody sees who is there, and nobody else. */
  async agreed(withinMs: number): Promise<void> {
    await eventually(() => {
      const truth = this.entered.map(({ agent }) => agent.id).sort();
      for (const { topic } of this.entered) expect(topic.present).toEqual(truth);
    }, withinMs);
  }

  async stop(): Promise<void> {
    await Promise.all(this.entered.splice(0).map(({ client }) => client.close()));
    await Promise.all(this.nodes.map((node) => node.stop()));
    if (this.#haproxy && this.#haproxy.exitCode === null) {
      const exit = once(this.#haproxy, 'exit');
      this.#haproxy.kill('SIGKILL');
      await exit;
    }
    await Promise.all(this.links.map((link) => link.stop()));
    await this.redis.stop();
  }
}
