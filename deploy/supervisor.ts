import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from './stack.ts';

const RESTART_AFTER_MS = 1_000;

/** Runs programs, starts those again that end by themselves, as `restart: unless-stopped` does, and stops them by id. */
export class Supervisor {
  readonly #children = new Map<string, ChildProcess>();
  readonly #stopped = new Set<string>();
  readonly #logDir: string;
  readonly #say: (line: string) => void;
  readonly #reaper: ChildProcess;

  constructor(logDir: string, say: (line: string) => void) {
    this.#logDir = logDir;
    this.#say = say;
    const reaper = fileURLToPath(new URL('reaper.js', import.meta.url));
    // In groups of their own: what a terminal sends goes to this process alone.
    this.#reaper = spawn(process.execPath, [reaper], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#reaper.unref();
  }

  /** Starts a program; what it prints goes to `<log folder>/<name>.log`. */
  start(program: Program): void {
    const { name, command, args, env } = program;
    const log = openSync(join(this.#logDir, `${name}.log`), 'a');
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    this.#children.set(name, child);
    this.#reaper.stdin?.write(`${child.pid}\n`);
    child.once('exit', (code, signal) => {
      this.#reaper.stdin?.write(`-${child.pid}\n`);
      this.#children.delete(name);
      if (this.#stopped.has(name)) return;
      this.#say(`${name} ended with ${code ?? signal} and is started again; its log is ${name}.log`);
      setTimeout(() => !this.#stopped.has(name) && this.start(program), RESTART_AFTER_MS).unref();
    });
  }

  /** Resolves when all of `names` have ended. */
  async stop(names: readonly string[], signal: NodeJS.Signals): Promise<void> {
    for (const name of names) this.#stopped.add(name);
    const running = names.flatMap((name) => this.#children.get(name) ?? []);
    const ended = running.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of running) child.kill(signal);
    await Promise.all(ended);
  }

  pid(name: string): number | undefined {
    return this.#children.get(name)?.pid;
  }
}
