import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'puppeteer-core';
import {
  type Access,
  agentClient,
  assistant,
  giveCredits,
  makeSession,
  registerUser,
} from '../../channels/session/people.ts';
import { type Aerie, startAerieInFolder } from '../../support/aerie.ts';
import { evaluate, openPage, startBrowser } from '../../support/browser.ts';
import { eventually } from '../../support/eventually.ts';

interface State {
  readonly connects: number;
  readonly codes: readonly number[];
  readonly asked: readonly string[];
}

describe('a page in Chromium that comes back at every close', () => {
  let aerie: Aerie;
  let pages: Server;
  let browser: Browser;
  let origin: string;
  beforeAll(async () => {
    const html = readFileSync('spec/gateways/orchestrator/page.html');
    pages = createServer((_, response) => response.setHeader('content-type', 'text/html; charset=utf-8').end(html));
    await new Promise<void>((resolve) => pages.listen(0, 'localhost', resolve));
    origin = `http://localhost:${(pages.address() as AddressInfo).port}`;
    [aerie, browser] = await Promise.all([startAerieInFolder({ ALLOWED_ORIGINS: origin }), startBrowser()]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await aerie?.stop();
    pages.close();
  });

  it('shows everything once, pays once, and stops when the session is over', async () => {
    const [user, agent] = await Promise.all([registerUser(aerie), assistant(aerie)]);
    await giveCredits(aerie, user, '5');
    const access: Access = await makeSession(aerie, user, { agent_id: agent.id });
    const client = agentClient(aerie, agent);
    const topic = await client.join(`session:${access.session_id}`);
    const page = await openPage(browser, origin);
    const state = () => evaluate<State>(page, 'state');
    await evaluate(page, `connect('${access.ws_url}')`);

    const words = Array.from({ length: 40 }, (_, at) => `word ${at}`);
    for (const [at, content] of words.entries()) {
      await topic.push('agent_message', { content });
      if (at % 10 !== 5) continue;
      // What has reached the browser is confirmed by it, and a page that closes its socket then is not handed it any more.
      await eventually(async () => expect(await evaluate(page, 'lines()')).toContain(content));
      await evaluate(page, 'drop()');
    }
    await eventually(async () => expect(await evaluate(page, 'lines()')).toEqual(words));

    await topic.push('request_payment', { amount_usdc: '2', action: agent.capability, description: 'Work' });
    await eventually(async () => expect((await state()).asked).toContain('2'));
    // Gone before it can be told what became of it.
    await evaluate(page, `send('PAYMENT_RESPONSE', { approved: true }); drop()`);
    const paid = [...words, 'PAYMENT_SUCCESSFUL 2'];
    await eventually(async () => expect(await evaluate(page, 'lines()')).toEqual(paid));

    await topic.push('close_session', { reason: 'done' });
    await eventually(async () => expect((await state()).codes.at(-1)).toBe(4004));
    expect(await evaluate(page, 'lines()')).toEqual([...paid, 'SESSION_CLOSED done', 'ERROR session_not_found']);
    expect((await state()).codes).toContain(1000);
    const { body } = await aerie.call<{ balance: string }>('GET', `/api/users/${user.id}/balance`, user.apiKey);
    expect(body.balance).toBe('3');
    await client.close();
  });
});
