import { randomUUID } from 'node:crypto';
import type { Nodes } from '../../server/index.ts';

/** A host counts as gone when it was missing for so long: after Redis was away nodes need a moment to come back. */
const PATIENCE_MS = 5_000;

const tallyOf = (host: string) => `session_host:${host}`;

/**
 * The processes that have the sockets with which sessions end. A process is its host for as long as it lives: a lease,
 * and with it a node's incarnation, may end while its sockets stay open.
 */
export class SocketHosts {
  /** This process. */
  readonly self = randomUUID();
  readonly #nodes: Pick<Nodes, 'tally' | 'sums'>;
  readonly #nowMs: () => number;
  /** Hosts that were not there at the latest look, and since when. */
  #missing = new Map<string, number>();

  constructor(nodes: Pick<Nodes, 'tally' | 'sums'>, nowMs = () => performance.now()) {
    this.#nodes = nodes;
    this.#nowMs = nowMs;
    // It counts also where its sum cannot be told now.
    nodes.tally(tallyOf(this.self), 1).catch(() => {});
  }

  /**
   * Looks which of all hosts that sessions name are gone for good.
   *
   * @throws NodesUnavailable
   */
  async gone(hosts: Iterable<string>): Promise<ReadonlySet<string>> {
    const others = [...new Set(hosts)].filter((host) => host !== this.self);
    const sums = await this.#nodes.sums(others.map(tallyOf));
    const nowMs = this.#nowMs();
    const missing = others.filter((_, at) => (sums[at] ?? 0) <= 0);
    this.#missing = new Map(missing.map((host) => [host, this.#missing.get(host) ?? nowMs]));
    return new Set(missing.filter((host) => nowMs - (this.#missing.get(host) ?? nowMs) >= PATIENCE_MS));
  }
}
