import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser } from 'puppeteer-core';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { arrive, startTask, type WorkingAgent } from './agents.ts';
import { ConsolePage, type OpenOptions, PHONE, startDrawingBrowser, VIEWS, WIDE } from './page.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HOSTILE = '<img src=x onerror=alert(1)>';
const FAMILIES = '👩‍👩‍👧‍👦'.repeat(5);
const TURNED = 'safe\u202Eevil\u0007';

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Runs axe beside the page, where its policy does not reach. */
async function violations({ page }: ConsolePage): Promise<string[]> {
  const found = await page.evaluate(`(async () => {
    ${AXE};
    const { violations } = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => ({ html })) }));
  })()`);
  return (found as Violation[]).map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

describe('everybody at the console', () => {
  let aerie: Aerie;
  let browser: Browser;
  let agents: WorkingAgent[];
  let taskId: string;

  beforeAll(async () => {
    aerie = await startAerieInFolder({ RATE_LIMIT: '0', HTTP_RATE_LIMIT: '0' });
    browser = await startDrawingBrowser();
    agents = await Promise.all(['Ada', HOSTILE, FAMILIES, TURNED].map((name) => arrive(aerie, name)));
    const [client, provider] = agents as [WorkingAgent, WorkingAgent];
    taskId = (await startTask(aerie, client, provider)).id;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all((agents ?? []).map(({ client }) => client.close()));
    await aerie?.stop();
  });

  async function signedIn(options: OpenOptions = {}) {
    const page = await ConsolePage.open(browser, aerie.url, options);
    await page.signIn(ADMIN_TOKEN);
    await eventually(async () => expect(await page.texts('.twin tbody tr')).toHaveLength(4));
    return page;
  }

  describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
    it.each([
      ['wide', WIDE],
      ['phone', PHONE],
    ] as const)('finds nothing in its way in any view, %s', async (name, size) => {
      const page = await signedIn({ theme, size });
      const found: Record<string, string[]> = {};
      for (const view of VIEWS) {
        await page.go(`#/${view}`);
        await page.page.waitForSelector('main h2');
        await page.page.waitForNetworkIdle({ idleTime: 200, concurrency: 5 });
        found[view] = await violations(page);
        await page.picture(`${view}-${name}-${theme}`);
      }
      for (const hash of [`graph?agent=${agents[0]?.id}`, `tasks?task=${taskId}`]) {
        await page.go(`#/${hash}`);
        await page.page.waitForSelector(hash.startsWith('graph') ? '.panel h3' : 'article .timeline li');
        found[hash] = await violations(page);
        await page.picture(`${hash.startsWith('graph') ? 'agent' : 'task'}-${name}-${theme}`);
      }
      expect(Object.entries(found).filter(([, each]) => each.length > 0)).toEqual([]);
      // Nothing is wider than the screen, but what scrolls by itself.
      expect(await page.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      expect(page.faults).toEqual([]);
      await page.close();
    });
  });

  it('shows hostile names as text, and turns no line around', async () => {
    const page = await signedIn();
    const names = await page.texts('.twin tbody td:first-child');
    expect(names).toContain(HOSTILE);
    expect(names).toContain(FAMILIES);
    expect(names).toContain('safe␣evil␇');
    const hostile = agents[1] as WorkingAgent;
    await page.go(`#/graph?agent=${hostile.id}`);
    await eventually(async () => expect(await page.text('.panel h2')).toBe(HOSTILE));
    expect(await page.page.$$('main img, aside img')).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('is led through all views by keys alone', async () => {
    const page = await signedIn();
    const { keyboard } = page.page;
    await page.page.evaluate(() => {
      for (const type of ['mousedown', 'pointerdown', 'click', 'touchstart']) {
        addEventListener(
          type,
          (event) => {
            if (event.isTrusted && (event as MouseEvent).detail > 0) document.title = 'mouse';
          },
          true,
        );
      }
    });
    for (const [key, view] of [
      ['2', 'tasks'],
      ['3', 'money'],
      ['4', 'topics'],
      ['5', 'alerts'],
      ['1', 'graph'],
    ] as const) {
      await keyboard.press(key);
      await eventually(async () => expect(await page.page.evaluate(() => location.hash)).toBe(`#/${view}`));
    }
    // Find, and clear.
    await eventually(async () => {
      await keyboard.press('/');
      expect(await page.page.evaluate(() => document.activeElement?.matches('.find input'))).toBe(true);
    });
    await keyboard.type('ada');
    await eventually(async () => expect(await page.texts('.twin tbody tr')).toHaveLength(1));
    await keyboard.press('Escape');
    await eventually(async () => expect(await page.texts('.twin tbody tr')).toHaveLength(4));
    // From row to row, and into the panel.
    await page.page.focus('.twin tbody tr button');
    await keyboard.press('ArrowDown');
    await keyboard.press('Enter');
    await page.page.waitForSelector('.panel');
    const second = (await page.texts('.twin tbody td:first-child'))[1];
    await eventually(async () => expect(await page.text('.panel h2')).toBe(second));
    await keyboard.press('Escape');
    await eventually(async () => expect(await page.page.$('.panel')).toBeNull());
    // The graph: nearer, aside, all of it, and a pause.
    await page.page.focus('.stage');
    for (const key of ['+', 'ArrowLeft', '-', '0'] as const) await keyboard.press(key);
    await keyboard.press(' ');
    await eventually(async () => expect(await page.text('.line')).toBe('Paused'));
    await keyboard.press(' ');
    await eventually(async () => expect(await page.text('.line')).toBe('Live'));
    await keyboard.press('h');
    await eventually(async () => expect(await page.page.evaluate(() => location.hash)).toContain('quiet=hidden'));
    await keyboard.press('?');
    await page.page.waitForSelector('dialog[open]');
    await keyboard.press('Escape');
    await eventually(async () => expect(await page.page.$('dialog[open]')).toBeNull());
    // Back, as everywhere.
    await page.page.goBack();
    await eventually(async () => expect(await page.page.evaluate(() => location.hash)).not.toContain('quiet'));
    expect(await page.page.title()).not.toBe('mouse');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('goes ten minutes back as far as the page has seen them, and comes back', async () => {
    const page = await signedIn();
    await eventually(async () => expect(await page.text('.replay')).toMatch(/[4-9] s so far/));
    const [client, provider] = [agents[0], agents[3]] as [WorkingAgent, WorkingAgent];
    const { working } = await startTask(aerie, client, provider);
    await eventually(async () => expect((await page.row('safe␣evil␇'))[1]).toMatch(/Executing/));
    await page.page.focus('.replay input');
    await page.page.keyboard.press('Home');
    await eventually(async () => expect(await page.text('.replay output')).toMatch(/ago/));
    expect((await page.row('safe␣evil␇'))[1]).toMatch(/Idle/);
    await page.page.click('.replay button');
    await eventually(async () => expect((await page.row('safe␣evil␇'))[1]).toMatch(/Executing/));
    await working.push('complete', { result: {} });
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('is touched on a phone: targets are large enough, and the sheet has three heights', async () => {
    const page = await signedIn({ theme: 'dark', size: PHONE });
    await page.page.evaluate(() =>
      document.querySelector('.twin tbody tr button')?.scrollIntoView({ block: 'center' }),
    );
    await eventually(async () => {
      await page.page.tap('.twin tbody tr button');
      await page.picture('tap');
      expect(await page.page.$('.panel')).not.toBeNull();
    });
    const height = () => page.page.$eval('.panel', (panel) => panel.clientHeight);
    const heights = [await height()];
    for (let taps = 0; taps < 2; taps++) {
      await page.page.tap('.sheet-handle');
      const before = heights.at(-1);
      await eventually(async () => expect(await height()).not.toBe(before));
      heights.push(await height());
    }
    expect(new Set(heights).size).toBe(3);
    const small = await page.page.evaluate(() =>
      [...document.querySelectorAll('button, a[href], input, textarea')]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)
        .map((each) => each.outerHTML.slice(0, 80)),
    );
    expect(small).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('draws as many coloured shapes as there are agents', async () => {
    const page = await signedIn();
    await eventually(async () => {
      await page.picture('shapes');
      const stage = await page.page.$('.stage');
      const picture = await stage?.screenshot({ encoding: 'base64' });
      expect(await page.page.evaluate(countShapes, `data:image/png;base64,${picture}`)).toBe(4);
    });
    await page.close();
  });

  it('is small: 60 KB before the graph, 120 KB in all', async () => {
    const page = await fetch(`${aerie.url}/console`);
    expect(page.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "worker-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    const opened = await ConsolePage.open(browser, aerie.url);
    const first = await sizesOf(opened.requests);
    await opened.signIn(ADMIN_TOKEN);
    await opened.page.waitForSelector('.stage canvas');
    const all = await sizesOf(opened.requests);
    expect(first).toBeLessThanOrEqual(60 * 1_024);
    expect(all).toBeLessThanOrEqual(120 * 1_024);
    expect(all).toBeGreaterThan(first);
    await opened.close();
  });

  /** Bytes of the files of the console among these, as brotli. */
  async function sizesOf(urls: readonly string[]): Promise<number> {
    const files = new Set(urls.filter((each) => new URL(each).pathname.startsWith('/console')));
    let sum = 0;
    for (const each of files) {
      const answer = await fetch(each, { headers: { 'accept-encoding': 'br' } });
      expect(answer.headers.get('content-encoding')).toBe('br');
      sum += Number(answer.headers.get('content-length'));
    }
    return sum;
  }
});

/** Runs in the page: areas of colour that are wider than an edge or a letter. */
async function countShapes(url: string): Promise<number> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { width, height } = image;
  const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
  if (!context) return -1;
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const isColoured = (x: number, y: number) => {
    const [r = 0, g = 0, b = 0] = data.subarray((y * width + x) * 4);
    return Math.max(r, g, b) - Math.min(r, g, b) > 60;
  };
  const wide = [-2, -1, 0, 1];
  const found: [x: number, y: number][] = [];
  for (let y = 2; y < height - 2; y++) {
    for (let x = 2; x < width - 2; x++) {
      if (!isColoured(x, y) || found.some(([fx, fy]) => Math.hypot(fx - x, fy - y) < 24)) continue;
      if (wide.every((dy) => wide.every((dx) => isColoured(x + dx, y + dy)))) found.push([x, y]);
    }
  }
  return found.length;
}
