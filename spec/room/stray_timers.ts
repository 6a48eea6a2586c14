/** Clients leave timers behind that keep a process waiting for seconds. After a file's specs nobody waits for them. */
export function forgetStrayTimers() {
  const started: NodeJS.Timeout[] = [];
  const { setTimeout } = globalThis;
  const recording = (callback: () => void, ms?: number) => {
    const timer = setTimeout(callback, ms);
    started.push(timer);
    return timer;
  };

  beforeAll(() => {
    globalThis.setTimeout = Object.assign(recording, setTimeout);
  });
  afterAll(() => {
    globalThis.setTimeout = setTimeout;
    for (const timer of started) timer.unref();
  });
}
