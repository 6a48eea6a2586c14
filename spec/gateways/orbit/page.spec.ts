import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'puppeteer-core';
import { readSession } from '../../channels/session/people.ts';
import { ADMIN_TOKEN, folder, type Place } from '../../support/aerie.ts';
import { evaluate, openPage, startBrowser } from '../../support/browser.ts';
import { eventually } from '../../support/eventually.ts';
import { heard, type OrbitNode, type Served, serve, startOrbit } from './people.ts';

describe('a page in Chromium', () => {
  let place: Place;
  let node: OrbitNode;
  let pages: Server;
  let browser: Browser;
  let served: Served;
  let origin: string;

  beforeAll(async () => {
    const html = readFileSync('spec/gateways/orbit/page.html');
    pages = createServer((_, response) => response.setHeader('content-type', 'text/html; charset=utf-8').end(html));
    await new Promise<void>((resolve) => pages.listen(0, 'localhost', resolve));
    const { port } = pages.address() as AddressInfo;
    origin = `http://localhost:${port}`;
    place = await folder();
    node = await startOrbit(place, { ORBIT_ORIGINS: origin, ORBIT_TURN_MS: '1500' });
    [browser, served] = await Promise.all([startBrowser(), serve(node.aerie)]);
  }, 40_000);
  afterAll(async () => {
    await browser?.close();
    await served?.client.close();
    await node?.aerie.stop();
    pages.close();
    await place.remove();
  });

  const bubbles = (tab: Page) => evaluate<[state: string, tools: string, text: string][]>(tab, 'bubbles()');
  const socketUrl = () => `ws://localhost:${node.port}/ws`;

  it('mounted twice as React does it, leaves one socket and no session; then chats, and its end is the session’s', async () => {
    const tab = await openPage(browser, origin);
    await evaluate(tab, `{ const unmount = mount('${socketUrl()}'); unmount(); mount('${socketUrl()}'); }`);
    await eventually(async () => expect(await evaluate(tab, 'document.body.dataset.agent_ready')).toBe('1'));
    const health = await evaluate<{ active_connections: number }>(
      tab,
      `fetch('http://localhost:${node.port}/health').then((answer) => answer.json())`,
    );
    expect(health.active_connections).toBe(1);
    const before = await node.aerie.call<{ sessions: unknown[] }>('GET', '/api/sessions', ADMIN_TOKEN);
    expect(before.body.sessions).toEqual([]);

    await evaluate(tab, `say('one'); say('two'); say('three')`);
    const topic = await served.session();
    await heard(topic, 1);
    await topic.push('tool_call', { tool_name: 'a' });
    await topic.push('tool_call', { tool_name: 'b' });
    await topic.push('tool_result', { tool_name: 'b' });
    await topic.push('tool_result', { tool_name: 'a' });
    await topic.push('agent_message', { content: 'answer one' });
    // The second takes too long, and its bubble must not go on for ever.
    await heard(topic, 2);
    await heard(topic, 3);
    await topic.push('agent_message', { content: 'late', execution_id: (await heard(topic, 2))[1]?.execution_id });
    await topic.push('agent_message', { content: 'answer three' });
    await eventually(async () =>
      expect(await bubbles(tab)).toEqual([
        ['done', 'a✓b✓', 'answer one'],
        ['failed', '', 'Agent processing failed: timed out'],
        ['done', '', 'answer three'],
      ]),
    );

    const id = topic.channel.topic.slice('session:'.length);
    expect((await readSession(node.aerie, id)).session).toMatchObject({ close_reason: null });
    await tab.close();
    await eventually(async () => {
      expect((await readSession(node.aerie, id)).session).toMatchObject({ close_reason: 'disconnected' });
    });
  });

  it('of another origin, or of a name that points to this machine, gets nothing', async () => {
    const tab = await openPage(browser, 'data:text/html,<body></body>');
    const script = `new Promise((resolve) => {
      const socket = new WebSocket('${socketUrl()}');
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    })`;
    expect(await evaluate(tab, script)).toBe('refused');
    const read = `fetch('http://localhost:${node.port}/health').then(() => 'read', () => 'refused')`;
    expect(await evaluate(tab, read)).toBe('refused');
    await tab.close();
  });
});
