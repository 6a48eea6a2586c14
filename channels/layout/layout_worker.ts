import { Worker } from 'node:worker_threads';
import type { Log } from '../../server/index.ts';
import type { Moved, SetGraph, WorkerData } from './worker_words.ts';

export interface LayoutWorkerOptions {
  readonly rateHz: number;
  readonly log: Log;
  readonly onMoved: (moved: Moved) => void;
  /** Everything that there is, with the last places: for a worker that begins anew. */
  readonly graph: () => SetGraph;
}

/** Delay before a worker that has ended by itself is replaced; doubled with each that has told nothing. */
const REPLACE_AFTER_MS = 500;
const MAX_REPLACE_AFTER_MS = 8_000;

/** In the build the worker is JavaScript too. */
const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** The thread that computes, replaced when it fails. */
export class LayoutWorker {
  readonly #options: LayoutWorkerOptions;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #delayMs = REPLACE_AFTER_MS;
  #isClosed = false;

  constructor(options: LayoutWorkerOptions) {
    this.#options = options;
    this.#begin();
  }

  set(graph: SetGraph): void {
    this.#worker?.postMessage(graph);
  }

  /** Nothing is heard of it any more. Resolves when the thread has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#worker?.terminate();
  }

  #begin(): void {
    const { rateHz, log, onMoved, graph } = this.#options;
    const workerData: WorkerData = { rateHz };
    const worker = new Worker(file, { workerData, name: 'layout' });
    this.#worker = worker;
    worker.unref();
    let failure: unknown;
    worker.on('message', (moved: Moved) => {
      if (this.#isClosed) return;
      this.#delayMs = REPLACE_AFTER_MS;
      onMoved(moved);
    });
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', (code) => {
      if (this.#isClosed) return;
      log.error({ err: failure, code, afterMs: this.#delayMs }, 'the thread of the layout ended: replaced');
      this.#worker = undefined;
      this.#timer = setTimeout(() => this.#begin(), this.#delayMs).unref();
      this.#delayMs = Math.min(2 * this.#delayMs, MAX_REPLACE_AFTER_MS);
    });
    worker.postMessage(graph());
  }
}
