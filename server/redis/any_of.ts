import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import type { Host } from './address.ts';

/**
 * The nodes of a Redis Cluster for a connection that any of them serves: a connection that breaks is opened to the next.
 */
export class AnyOf {
  #hosts: readonly Host[];
  #at: number;

  constructor(hosts: readonly Host[]) {
    this.#hosts = hosts;
    this.#at = Math.floor(Math.random() * hosts.length);
  }

  next(): Host | undefined {
    this.#at = (this.#at + 1) % this.#hosts.length;
    return this.#hosts[this.#at];
  }

  /** What a node answers to CLUSTER SLOTS, so that one that was given by hand may be gone for good. */
  learn(slots: unknown): void {
    const found = new Map<string, Host>();
    for (const range of Array.isArray(slots) ? slots : []) {
      for (const [host, port] of (range as [number, number, ...[string, number][]]).slice(2) as [string, number][]) {
        if (host) found.set(`${host}:${port}`, { host, port });
      }
    }
    if (found.size > 0) this.#hosts = [...found.values()];
  }
}

/** @returns a connector for ioredis that asks `hosts` each time */
export function connectorTo(hosts: AnyOf, tls: boolean): new () => AbstractConnector {
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
