import type { Browser } from 'puppeteer-core';
import { ADMIN_TOKEN, type Aerie, onRedis, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { proxyTo, type Proxy as TcpProxy } from '../support/proxy.ts';
import { sharedRedisUrl } from '../support/redis.ts';
import { arrive, startTask, type WorkingAgent } from './agents.ts';
import { ConsolePage, startDrawingBrowser } from './page.ts';

describe('the console on two nodes behind one address', () => {
  let nodes: [Aerie, Aerie];
  let address: TcpProxy;
  let browser: Browser;
  const target = { host: '127.0.0.1', port: 0 };

  beforeAll(async () => {
    const { env } = onRedis(sharedRedisUrl());
    nodes = await Promise.all([startAerie(env), startAerie(env)]);
    target.port = Number(new URL(nodes[0].url).port);
    address = await proxyTo(target, 'http');
    browser = await startDrawingBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await address?.stop();
    await Promise.all((nodes ?? []).map((node) => node.stop()));
  });

  it('shows what happens on the other node, and goes on when its own is killed', async () => {
    const [here, there] = nodes;
    const agents = await Promise.all(['Ada', 'Brook'].map((name) => arrive(there, name)));
    const [ada, brook] = agents as [WorkingAgent, WorkingAgent];
    const page = await ConsolePage.open(browser, address.url);
    await page.signIn(ADMIN_TOKEN);
    await eventually(async () => expect((await page.row('Brook'))[1]).toMatch(/Idle/));
    const { working } = await startTask(there, ada, brook);
    await eventually(async () => expect((await page.row('Brook'))[1]).toMatch(/Executing/));

    target.port = Number(new URL(there.url).port);
    here.signal('SIGKILL');
    await here.exit;
    await eventually(async () => expect(await page.text('.line')).toMatch(/Connection lost/));
    await eventually(async () => expect(await page.text('.line')).toBe('Live'), 60_000);
    expect((await page.row('Brook'))[1]).toMatch(/Executing/);
    await working.push('complete', { result: {} });
    await eventually(async () => expect((await page.row('Brook'))[1]).toMatch(/Idle/));
    expect(page.faults).toEqual([]);
    await page.close();
    await Promise.all(agents.map(({ client }) => client.close()));
  });
});
