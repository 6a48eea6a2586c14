import puppeteer, { type Browser, type Page } from 'puppeteer-core';

/** Debian's, as `npm run setup` brings it, or that of another system. */
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const ARGS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const NO_GRAPHICS = ['--disable-gpu'];

/** Starts a Chromium without a window. The caller closes it. @param graphics how it draws, left out: not at all */
export async function startBrowser(graphics: readonly string[] = NO_GRAPHICS): Promise<Browser> {
  const errors: unknown[] = [];
  for (const executablePath of process.env.CHROMIUM ? [process.env.CHROMIUM] : PROGRAMS) {
    try {
      return await puppeteer.launch({ executablePath, args: [...ARGS, ...graphics] });
    } catch (error) {
      errors.push(error);
    }
  }
  throw new AggregateError(errors, 'No Chromium: "npm run setup" brings it; elsewhere CHROMIUM names the program.');
}

/** Opens a page; resolves when it is loaded. */
export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}

/** Evaluates an expression in a page; a promise is awaited. */
export const evaluate = <R>(page: Page, expression: string): Promise<R> => page.evaluate(expression) as Promise<R>;
