// Loaded into a server before everything else: its clocks go as they do, until a message from the spec moves them on.
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';

/** Time passes in small steps, so that what is done in one of them, and waits for the store, finds its timers in order. */
const STEP_MS = 20;
const PAUSE_MS = 2;

const real = { Date, setTimeout, clearTimeout, performanceNow: performance.now.bind(performance) };
let aheadMs = Number(process.env.SPEC_PASSED_MS ?? 0);
const nowMs = () => real.performanceNow() + aheadMs;

globalThis.Date = class extends real.Date {
  constructor(...args) {
    super(...(args.length === 0 ? [real.Date.now() + aheadMs] : args));
  }
  static now() {
    return real.Date.now() + aheadMs;
  }
};
performance.now = nowMs;

const waiting = new Set();

class Timer {
  #handler;
  #delayMs;
  #repeats;
  #isRef = true;
  #handle;
  dueMs = 0;

  constructor(handler, delayMs, repeats) {
    this.#handler = handler;
    this.#delayMs = Math.max(1, Number(delayMs) || 0);
    this.#repeats = repeats;
    this.refresh();
  }

  refresh() {
    this.dueMs = nowMs() + this.#delayMs;
    waiting.add(this);
    return this.arm();
  }

  /** By the real clock, for what is left of it. */
  arm() {
    real.clearTimeout(this.#handle);
    this.#handle = real.setTimeout(() => this.fire(), this.dueMs - nowMs());
    if (!this.#isRef) this.#handle.unref();
    return this;
  }

  fire() {
    this.close();
    if (this.#repeats) this.refresh();
    this.#handler();
  }

  close() {
    waiting.delete(this);
    real.clearTimeout(this.#handle);
    return this;
  }

  ref() {
    this.#isRef = true;
    this.#handle.ref();
    return this;
  }

  unref() {
    this.#isRef = false;
    this.#handle.unref();
    return this;
  }

  hasRef() {
    return this.#isRef;
  }
}

globalThis.setTimeout = (handler, delayMs, ...args) => new Timer(() => handler(...args), delayMs, false);
globalThis.setInterval = (handler, delayMs, ...args) => new Timer(() => handler(...args), delayMs, true);
globalThis.clearTimeout = (timer) => (timer instanceof Timer ? void timer.close() : real.clearTimeout(timer));
globalThis.clearInterval = globalThis.clearTimeout;
timersPromises.setTimeout = (delayMs, value) => new Promise((resolve) => setTimeout(resolve, delayMs, value));
syncBuiltinESMExports();

/** Lets so much time pass at once; resolves when what was due in it has been started. */
async function pass(ms) {
  for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
    aheadMs += Math.min(STEP_MS, leftMs);
    const due = [...waiting].filter(({ dueMs }) => dueMs <= nowMs()).sort((a, b) => a.dueMs - b.dueMs);
    for (const timer of due) if (waiting.has(timer)) timer.fire();
    await new Promise((resolve) => real.setTimeout(resolve, PAUSE_MS));
  }
  for (const timer of waiting) timer.arm();
}

process.on('message', ({ passMs }) => void pass(passMs).then(() => process.send({ passedMs: passMs })));
// The spec's end of the line must not keep a server alive that was told to end.
process.channel.unref();
