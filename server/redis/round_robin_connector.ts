import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import type { Host } from './address.ts';

/**
 * The nodes of a Redis Cluster for a connection that any of them serves: a connection that breaks is opened to the next.
 */
export class RoundRobinConnector {
  readonly #given: readonly Host[];
  #hosts: readonly Host[];
  #at: number;

  constructor(hosts: readonly Host[]) {
    this.#given = hosts;
    this.#hosts = hosts;
    this.#at = Math.floor(Math.random() * hosts.length);
  }

  next(): Host | undefined {
    this.#at = (this.#at + 1) % this.#hosts.length;
    return this.#hosts[this.#at];
  }

  /** More nodes, as those that were given by hand may be gone for good. */
  learn(hosts: readonly Host[]): void {
    this.#hosts = [...new Map([...this.#given, ...hosts].map((each) => [`${each.host}:${each.port}`, each])).values()];
  }
}

/** @returns a connector for ioredis that asks `hosts` each time */
export function connectorTo(hosts: RoundRobinConnector, tls: boolean): new () => AbstractConnector {
  return class extends AbstractConnector {
    constructor() {
      super(100);
    }

    async connect(): Promise<Socket> {
      this.connecting = true;
      await new Promise((resolve) => process.nextTick(resolve));
      if (!this.connecting) throw new Error('Connection is closed.');
      const { host = '127.0.0.1', port = 6_379 } = hosts.next() ?? {};
      const stream = tls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
      stream.once('error', (error) => {
        this.firstError = error;
      });
      this.stream = stream;
      return stream;
    }
  };
}
