import { parentPort, workerData } from 'node:worker_threads';
import { ForceLayout } from './force_layout.ts';
import type { Moved, SetGraph, WorkerData } from './worker_words.ts';

/** The thread that computes the layout: round by round, until all are at rest, and again when something changes. */
const { rateHz } = workerData as WorkerData;
const layout = new ForceLayout(rateHz);
let timer: NodeJS.Timeout | undefined;

function round(): void {
  const records = layout.round();
  const { isAtRest } = layout;
  if (isAtRest) {
    clearInterval(timer);
    timer = undefined;
  }
  const moved: Moved = { records, isAtRest };
  if (records.length > 0 || isAtRest) parentPort?.postMessage(moved, [records.buffer as ArrayBuffer]);
}

parentPort?.on('message', ({ agents, links }: SetGraph) => {
  layout.set(agents, links);
  if (!layout.isAtRest) timer ??= setInterval(round, 1_000 / rateHz);
});
