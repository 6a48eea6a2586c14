import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { eventually } from './eventually.ts';
import { spawn } from './spawn.ts';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];
const program = PROGRAMS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);

/** True if a Chromium is installed: specs of pages are left out elsewhere. */
export const hasBrowser = program !== undefined;

const ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
];

interface Answer {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** A Chromium, over its own protocol. */
export class Browser {
  readonly #socket: WebSocket;
  readonly #close: () => Promise<void>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket, close: () => Promise<void>) {
    this.#socket = socket;
    this.#close = close;
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id === undefined) return;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  static async start(): Promise<Browser> {
    const dir = await mkdtemp(join(tmpdir(), 'aerie-browser-'));
    const child = spawn(program ?? '', [...ARGS, `--user-data-dir=${dir}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    let said = '';
    child.stderr?.on('data', (data) => {
      said += data;
    });
    const close = async () => {
      const exit = new Promise((resolve) => child.once('exit', resolve));
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await exit;
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    };
    try {
      const url = await eventually(() => {
        const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
        if (!found) throw new Error(`no browser: ${said}`);
        return found;
      }, 15_000);
      const socket = new WebSocket(url, { perMessageDeflate: false });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      return new Browser(socket, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  async open(url: string): Promise<Tab> {
    const { targetId } = await this.send<{ targetId: string }>('Target.createTarget', { url });
    const attached = await this.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, targetId, attached.sessionId);
    await eventually(async () => {
      const isLoaded = await tab.run(`document.readyState === 'complete' && location.href !== 'about:blank'`);
      if (!isLoaded) throw new Error(`${url} was not loaded`);
    });
    return tab;
  }

  send<R>(method: string, params: object, sessionId?: string): Promise<R> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result as R)));
      this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    });
  }

  async close(): Promise<void> {
    this.#socket.terminate();
    await this.#close();
  }
}

export class Tab {
  readonly #browser: Browser;
  readonly #targetId: string;
  readonly #sessionId: string;

  constructor(browser: Browser, targetId: string, sessionId: string) {
    this.#browser = browser;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
  }

  /** Evaluates an expression in the page; a promise is awaited. */
  async run<R>(expression: string): Promise<R> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#browser.send<{
      result: { value: R };
      exceptionDetails?: { exception?: { description?: string } };
    }>('Runtime.evaluate', params, this.#sessionId);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? 'the page failed');
    return result.value;
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#targetId });
  }
}
