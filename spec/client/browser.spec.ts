import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Agent, Channel, Task } from 'aerie-client';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import { type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { evaluate, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { closeAgents, connectAgent, type Registration, registered } from './agents.ts';

let aerie: Aerie;
let pages: Server;
let browser: Browser;
let context: BrowserContext;
let buyer: Registration;
let seller: Registration;
let b: Agent;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: ['spec/client/page.mjs'],
    bundle: true,
    format: 'iife',
    define: { 'process.env.NODE_ENV': '"production"' },
    write: false,
  });
  const html = `<!doctype html><meta charset="utf-8"><body><script>${outputFiles[0]?.text.replaceAll('</script', '<\\/script')}</script>`;
  pages = createServer((_, response) => response.setHeader('content-type', 'text/html; charset=utf-8').end(html));
  await new Promise<void>((resolve) => pages.listen(0, 'localhost', resolve));
  [aerie, browser] = await Promise.all([startAerieInFolder({ HTTP_RATE_LIMIT: '0' }), startBrowser()]);
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await aerie?.stop();
  pages.close();
});
beforeEach(async () => {
  context = await browser.createBrowserContext();
  [buyer, seller] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
  b = await connectAgent(aerie.url, seller);
  void b.onChannelProposal(() => true);
});
afterEach(async () => {
  await context.close();
  await closeAgents();
});

async function open(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`http://localhost:${(pages.address() as AddressInfo).port}`);
  return page;
}

/** The agent of the page, as an argument. */
const who = () => {
  const { apiKey, signingKey } = buyer;
  return JSON.stringify({ url: aerie.url, apiKey, seed: Buffer.from(signingKey).toString('hex') });
};

const openChannel = (page: Page) =>
  evaluate<string>(page, `agent.openChannel({ with: '${b.id}', deposit: '1' }).then(({ id }) => id)`);

async function newTask(page: Page): Promise<Task<'provider'>> {
  const id = await evaluate<string>(page, `agent.createTask({ provider: '${b.id}' }).then(({ id }) => id)`);
  return (await b.task(id)) as Task<'provider'>;
}

describe('in Chromium, from a bundle, with indexedDb', () => {
  it('a page that is reloaded in the middle of a paid stream goes on: each chunk and each payment once', async () => {
    const page = await open();
    expect(await evaluate(page, `start(${who()})`)).toBe(buyer.id);
    const channelId = await openChannel(page);
    const task = await newTask(page);
    const theirs: Channel = await b.channel(channelId);
    const chunks = Array.from({ length: 8 }, (_, n) => `chunk-${n}`);
    for (const chunk of chunks.slice(0, 4)) await task.output.write(chunk);
    const reading = `read('${task.id}', '${channelId}')`;
    await evaluate(page, `void ${reading}.catch(() => {})`);
    await eventually(() => expect(Number(theirs.balance)).toBeGreaterThan(0.01));
    await page.reload();
    await evaluate(page, `start(${who()})`);
    const read = evaluate<string>(page, reading);
    for (const chunk of chunks.slice(4)) await task.output.write(chunk);
    await task.complete();
    expect(await read).toBe('0.92');
    expect(JSON.parse(await evaluate(page, `localStorage.getItem('read')`))).toEqual(chunks);
    expect(theirs.balance).toBe('0.08');
  }, 60_000);

  it('two tabs of one agent pay on one channel, and no nonce is signed twice', async () => {
    const [one, other] = [await open(), await open()];
    await evaluate(one, `start(${who()})`);
    const channelId = await openChannel(one);
    await evaluate(other, `start(${who()})`);
    const pay = `agent.channel('${channelId}').then((channel) => Promise.all([1, 2, 3].map(() => channel.pay('0.01'))))
      .then((paid) => paid.map(({ nonce }) => nonce))`;
    const nonces = (await Promise.all([evaluate<number[]>(one, pay), evaluate<number[]>(other, pay)])).flat();
    expect(new Set(nonces).size).toBe(6);
    expect((await b.channel(channelId)).balance).toBe('0.06');
  }, 60_000);

  it('of two tabs that serve one does, and the other takes over when it is closed', async () => {
    const [one, other] = [await open(), await open()];
    for (const tab of [one, other]) await evaluate(tab, `start(${who()})`);
    const serve = (name: string) => `void agent.serve('answer', () => '${name}')`;
    await evaluate(one, serve('one'));
    // The lock is there before the second one asks for it.
    await eventually(async () =>
      expect(await evaluate(one, 'navigator.locks.query().then(({ held }) => held.length)')).toBe(1),
    );
    await evaluate(other, serve('other'));
    const first = await b.createTask({ provider: buyer.id, capability: 'answer' });
    expect(await first.result).toBe('one');
    await one.close();
    const second = await b.createTask({ provider: buyer.id, capability: 'answer' });
    expect(await second.result).toBe('other');
  }, 60_000);
});

describe('the hooks for React', () => {
  it('show an agent, who is there, a task and a payment channel as they change, and leave nothing behind', async () => {
    const page = await open();
    await evaluate(page, `start(${who()})`);
    const channelId = await openChannel(page);
    const task = await newTask(page);
    await task.output.write('An old ');
    await evaluate(page, 'agent.close()');
    await evaluate(page, `show(${who()}, '${task.id}', '${channelId}')`);
    const shown = () => evaluate<Record<string, unknown>>(page, 'shown()');
    await eventually(async () =>
      expect(await shown()).toMatchObject({ state: 'online', text: 'An old ', status: 'in_progress', balance: '1' }),
    );
    expect((await shown()).present).toEqual(expect.arrayContaining(['Seller', 'Buyer']));
    await task.output.write('pond');
    await task.complete();
    const channel = await b.channel(channelId);
    expect(channel.balance).toBe('0');
    await eventually(async () =>
      expect(await shown()).toMatchObject({ text: 'An old pond', isWhole: true, status: 'completed' }),
    );
    await evaluate(page, 'hide()');
    await eventually(() => expect(b.presence.list().map(({ name }) => name)).not.toContain('Buyer'));
  }, 60_000);
});
