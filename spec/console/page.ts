import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'puppeteer-core';
import { startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';

export const WIDE = { width: 1440, height: 900 } as const;
export const PHONE = { width: 360, height: 740, isMobile: true, hasTouch: true } as const;
export const VIEWS = ['graph', 'tasks', 'money', 'topics', 'alerts'] as const;

/** Pictures of a run, for whoever wants to see what it saw. */
const PICTURES = 'test-output/console';

export interface OpenOptions {
  readonly hash?: string;
  readonly theme?: 'light' | 'dark';
  readonly size?: typeof WIDE | typeof PHONE;
}

/** The console in a tab, and all that went wrong in it. */
export class ConsolePage {
  readonly page: Page;
  readonly url: string;
  /** Errors, what the page wrote to the browser's console, what the policy stopped, and requests to other hosts. */
  readonly faults: string[] = [];
  readonly requests: string[] = [];

  private constructor(page: Page, url: string) {
    this.page = page;
    this.url = url;
    page.on('pageerror', (error) => this.faults.push(`error: ${error}`));
    page.on('console', (message) => {
      // A server that is gone is said by the browser itself, and is what the specs are about.
      if (!/ERR_CONNECTION_|WebSocket connection|401/.test(message.text())) {
        this.faults.push(`${message.type()}: ${message.text()}`);
      }
    });
    page.on('request', (request) => {
      this.requests.push(request.url());
      const isOwn = request.url().startsWith(url) || request.url().startsWith('blob:');
      if (!isOwn && !request.url().startsWith('data:')) this.faults.push(`asked ${request.url()}`);
    });
  }

  static async open(
    browser: Browser,
    url: string,
    { hash = '#/graph', theme = 'light', size = WIDE }: OpenOptions = {},
  ) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport(size);
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: theme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]);
    const opened = new ConsolePage(page, url);
    await page.goto(`${url}/console${hash}`);
    await page.waitForSelector('#credential');
    return opened;
  }

  async signIn(credential: string): Promise<void> {
    await this.page.type('#credential', credential);
    await this.page.keyboard.press('Enter');
    await this.page.waitForSelector('.line.live');
  }

  async go(hash: string): Promise<void> {
    await this.page.evaluate((next) => {
      location.hash = next;
    }, hash);
  }

  /** Text of the first element that fits, white space made one; '' if there is none. */
  text(selector: string): Promise<string> {
    return this.page.evaluate(
      (wanted) => (document.querySelector(wanted)?.textContent ?? '').replace(/\s+/g, ' ').trim(),
      selector,
    );
  }

  texts(selector: string): Promise<string[]> {
    return this.page.evaluate(
      (wanted) =>
        [...document.querySelectorAll(wanted)].map((each) => (each.textContent ?? '').replace(/\s+/g, ' ').trim()),
      selector,
    );
  }

  /** The row of the table of agents that names this one: name, state, alert, neighbours, traffic. */
  async row(name: string): Promise<string[]> {
    const rows = await this.page.evaluate(() =>
      [...document.querySelectorAll('.twin tbody tr')].map((row) =>
        [...row.querySelectorAll('td')].map((cell) => (cell.textContent ?? '').replace(/\s+/g, ' ').trim()),
      ),
    );
    return rows.find(([each]) => each === name) ?? [];
  }

  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: `${PICTURES}/${name}.png` });
  }

  async close(): Promise<void> {
    await this.page.browserContext().close();
  }
}

/** A browser that draws WebGL without a graphics card. */
export const startDrawingBrowser = () =>
  startBrowser(['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader']);

export const seen = (page: ConsolePage, selector: string, words: string | RegExp) =>
  eventually(async () => expect(await page.text(selector)).toMatch(words));
