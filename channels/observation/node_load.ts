import { availableParallelism, totalmem } from 'node:os';
import type { EndpointStats } from '../../server/endpoint/index.ts';
import { type ChannelJoined, type EventHandled, type EventRefused, hooks } from '../../server/index.ts';

/** What a node tells of itself, once a second while somebody looks. */
export interface NodeLoad {
  readonly node: string;
  readonly isReady: boolean;
  readonly isDraining: boolean;
  readonly sockets: number;
  /** Process CPU / cores, and RSS / memory limit. */
  readonly cpu: number;
  readonly memory: number;
  /** Of the last ten seconds, or since somebody looks: messages of clients, their seconds, replies, those with an error, and ms until them. */
  readonly messages: number;
  readonly seconds: number;
  readonly replies: number;
  readonly errors: number;
  readonly timed: number;
  readonly latencyMs: number;
}

export interface NodeLoadOptions {
  readonly node: string;
  /** By which the framework's hooks name this node. */
  readonly hookNode: string;
  readonly stats: Pick<EndpointStats, 'connections' | 'draining' | 'messagesIn'>;
  readonly isReady: () => Promise<boolean>;
}

const WINDOW_MS = 10_000;

interface Counted {
  readonly atMs: number;
  readonly messages: number;
  readonly replies: number;
  readonly errors: number;
  readonly timed: number;
  readonly latencyMs: number;
}

/** Measures this node from its making on, until it is closed: only while somebody looks. */
export class NodeMeter {
  readonly #options: NodeLoadOptions;
  /** Counts so far, by second, of the window and one before it. */
  readonly #counted: Counted[];
  #replies = 0;
  #errors = 0;
  #timed = 0;
  #latencyMs = 0;
  #cpu = process.cpuUsage();
  #cpuAtMs = performance.now();

  constructor(options: NodeLoadOptions) {
    this.#options = options;
    this.#counted = [this.#count()];
    hooks.joined.subscribe(this.#joined);
    hooks.handled.subscribe(this.#handled);
    hooks.refused.subscribe(this.#refused);
  }

  close(): void {
    hooks.joined.unsubscribe(this.#joined);
    hooks.handled.unsubscribe(this.#handled);
    hooks.refused.unsubscribe(this.#refused);
  }

  async measure(): Promise<NodeLoad> {
    const { node, stats, isReady } = this.#options;
    const ready = await isReady();
    const now = this.#count();
    this.#counted.push(now);
    while ((this.#counted[1]?.atMs ?? now.atMs) <= now.atMs - WINDOW_MS) this.#counted.shift();
    const from = this.#counted[0] ?? now;
    return {
      node,
      isReady: ready,
      isDraining: stats.draining,
      sockets: stats.connections,
      cpu: this.#cpuShare(),
      memory: process.memoryUsage.rss() / memoryLimit(),
      messages: now.messages - from.messages,
      seconds: (now.atMs - from.atMs) / 1_000,
      replies: now.replies - from.replies,
      errors: now.errors - from.errors,
      timed: now.timed - from.timed,
      latencyMs: now.latencyMs - from.latencyMs,
    };
  }

  #count(): Counted {
    return {
      atMs: performance.now(),
      messages: this.#options.stats.messagesIn,
      replies: this.#replies,
      errors: this.#errors,
      timed: this.#timed,
      latencyMs: this.#latencyMs,
    };
  }

  #cpuShare(): number {
    const used = process.cpuUsage(this.#cpu);
    const elapsedMs = performance.now() - this.#cpuAtMs;
    this.#cpu = process.cpuUsage();
    this.#cpuAtMs = performance.now();
    return elapsedMs <= 0 ? 0 : Math.min(1, (used.user + used.system) / 1_000 / elapsedMs / availableParallelism());
  }

  readonly #joined = (message: unknown): void => {
    const { nodeId, durationMs } = message as ChannelJoined;
    if (nodeId === this.#options.hookNode) this.#replied(durationMs);
  };

  readonly #handled = (message: unknown): void => {
    const { nodeId, durationMs } = message as EventHandled;
    if (nodeId === this.#options.hookNode) this.#replied(durationMs);
  };

  readonly #refused = (message: unknown): void => {
    const { nodeId, event } = message as EventRefused;
    if (nodeId !== this.#options.hookNode) return;
    this.#errors++;
    // A refused event is told as handled too, a refused join is not.
    if (event === 'phx_join') this.#replies++;
  };

  #replied(durationMs: number): void {
    this.#replies++;
    this.#timed++;
    this.#latencyMs += durationMs;
  }
}

/** Of the container, or of the machine. */
function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
