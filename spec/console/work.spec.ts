import type { Browser } from 'puppeteer-core';
import { ADMIN_TOKEN, type Aerie, folder, type Place, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { arrive, startTask, type WorkingAgent } from './agents.ts';
import { ConsolePage, seen, startDrawingBrowser, VIEWS } from './page.ts';

const NAMES = ['Ada', 'Brook', 'Cedar', 'Delta'];

describe('the console in Chromium', () => {
  let place: Place;
  let aerie: Aerie;
  let browser: Browser;
  let agents: WorkingAgent[];
  let env: Record<string, string>;
  const opened: ConsolePage[] = [];

  beforeAll(async () => {
    place = await folder();
    env = { ...place.env, PORT: String(await freePort()), RATE_LIMIT: '0', HTTP_RATE_LIMIT: '0' };
    aerie = await startAerie(env);
    browser = await startDrawingBrowser();
    agents = await Promise.all(NAMES.map((name) => arrive(aerie, name)));
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all((agents ?? []).map(({ client }) => client.close()));
    await aerie?.stop();
    await place.remove();
  });
  afterEach(async () => {
    for (const page of opened.splice(0)) {
      const { faults, requests } = page;
      await page.close();
      expect(faults).toEqual([]);
      expect(requests.filter((each) => each.includes(ADMIN_TOKEN))).toEqual([]);
    }
  });

  async function open(hash = '#/graph', credential = ADMIN_TOKEN) {
    const page = await ConsolePage.open(browser, aerie.url, { hash });
    opened.push(page);
    await page.signIn(credential);
    return page;
  }
  const [ada, brook, cedar] = [0, 1, 2].map((at) => () => agents[at] as WorkingAgent) as (() => WorkingAgent)[];
  if (!ada || !brook || !cedar) throw new Error('four agents');

  it('says what is wrong with a credential, and keeps none', async () => {
    const page = await ConsolePage.open(browser, aerie.url);
    opened.push(page);
    for (const [wrong, says] of [
      ['nonsense', /No such credential/],
      [ada().apiKey, /key of an agent/],
    ] as const) {
      await page.page.$eval('#credential', (field) => {
        (field as HTMLInputElement).value = '';
      });
      await page.page.type('#credential', wrong);
      await page.page.keyboard.press('Enter');
      await seen(page, '#sign-in-wrong', says);
    }
    await page.page.$eval('#credential', (field) => {
      (field as HTMLInputElement).value = '';
    });
    await page.signIn(ADMIN_TOKEN);
    const kept = await page.page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]),
    );
    expect(kept).not.toContain(ADMIN_TOKEN);
    expect(aerie.stdout()).not.toContain(ADMIN_TOKEN);
    // The operator's token is in memory only: a reload asks for it again.
    await page.page.reload();
    await page.page.waitForSelector('#credential');
  });

  it('shows as many agents as are connected, in the picture and in its twin', async () => {
    const page = await open();
    await eventually(async () => expect((await page.texts('.twin tbody tr td:first-child')).sort()).toEqual(NAMES));
    await eventually(async () =>
      expect(await page.page.$eval('.stage', (stage) => stage.ariaLabel)).toMatch(/^4 agents/),
    );
    await eventually(async () => expect(await page.page.$$('.stage canvas')).not.toEqual([]));
    const another = await arrive(aerie, 'Ember');
    await eventually(async () => expect(await page.row('Ember')).toContain('● I Idle'.slice(2)));
    await another.client.close();
    await eventually(async () => expect((await page.row('Ember'))[1]).toMatch(/Offline/));
  });

  it('shows a task at work, a message as an edge, and what the timeline of a task has', async () => {
    const page = await open();
    const { id, working } = await startTask(aerie, ada(), brook());
    await eventually(async () => expect((await page.row('Brook'))[1]).toMatch(/Executing/));
    const body = { to_agent_id: cedar().id, type: 'hello', payload: { text: 'Hello' } };
    await aerie.call('POST', '/api/messages', ada().apiKey, body);
    await eventually(async () => expect(Number((await page.row('Cedar'))[3])).toBeGreaterThan(0));
    await page.go(`#/graph?agent=${cedar().id}`);
    await seen(page, '.neighbours', /Ada.*Messages/);
    await seen(page, '.panel .timeline', /Message.*hello/);

    await working.push('complete', { result: { done: true } });
    await eventually(async () => expect((await page.row('Brook'))[1]).toMatch(/Idle/));
    await page.go(`#/tasks?task=${id}`);
    await seen(page, 'article .timeline', /Created.*Started.*Completed/);
    await seen(page, '.view tbody tr', /chart.*Completed.*Ada.*Brook.*0\.02 USDC/);
  });

  it('raises the alert of an agent that fails, in every view', async () => {
    const page = await open();
    for (let failed = 0; failed < 6; failed++) {
      const { working } = await startTask(aerie, ada(), cedar());
      await working.push('error', { type: 'model_overloaded', details: {} });
    }
    await eventually(async () => expect((await page.row('Cedar'))[1]).toMatch(/Error/), 40_000);
    for (const view of VIEWS) {
      await page.go(`#/${view}`);
      await seen(page, '.alert-count', /Alerts 1/);
    }
    await seen(page, '.alerts', /Cedar/);
  });

  it('hands a command to an agent once it was confirmed, and shows its answer', async () => {
    const page = await open(`#/graph?agent=${brook().id}`);
    const home = await brook().client.join(`agent:${brook().id}`);
    const commands: unknown[] = [];
    const answered: Promise<unknown>[] = [];
    home.channel.on('control', (command: { request_id: string; command: string }) => {
      commands.push(command);
      const answer = { request_id: command.request_id, ok: true, result: { level: 3 } };
      answered.push(home.push('control_result', answer));
    });
    await page.page.waitForSelector('#command-name');
    await page.page.type('#command-name', 'raise');
    await page.page.$eval('#command-parameters', (field) => {
      (field as HTMLTextAreaElement).value = '';
    });
    await page.page.type('#command-parameters', '{"to": 3');
    await seen(page, '#command-wrong', /JSON/);
    await page.page.type('#command-parameters', '}');
    await page.page.click('form.command button[type=submit]');
    await seen(page, 'dialog[open] p', 'Send “raise” to Brook?');
    expect(commands).toEqual([]);
    await page.page.click('dialog[open] button.primary');
    await seen(page, '.commands', /raise Done.*level.*3/);
    expect(commands).toMatchObject([{ command: 'raise', parameters: { to: 3 }, requested_by: 'admin' }]);
    await Promise.all(answered);
    await home.channel.leave();
  });

  it('goes on when the server was killed and is back, with the same truth', async () => {
    const page = await open(`#/graph?agent=${ada().id}`);
    await eventually(async () => expect((await page.row('Ada'))[1]).toMatch(/Idle/));
    aerie.signal('SIGKILL');
    await aerie.exit;
    await seen(page, '.line', /Connection lost. Next try in \d+ s/);
    aerie = await startAerie(env);
    await eventually(async () => expect(await page.text('.line')).toBe('Live'), 60_000);
    await eventually(async () => expect((await page.row('Ada'))[1]).toMatch(/Idle/), 40_000);
    expect(await page.page.evaluate(() => location.hash)).toContain(ada().id);
  });

  it('asks a user to sign in again when the session has ended, and the view stays', async () => {
    const made = await aerie.call<{ user: { id: string }; api_key: string; key_id: string }>(
      'POST',
      '/api/users',
      ADMIN_TOKEN,
      {
        name: 'Owner',
      },
    );
    const own = await arrive(aerie, 'Fjord', { user_id: made.body.user.id });
    const page = await open('#/tasks', made.body.api_key);
    await page.go(`#/graph?agent=${own.id}`);
    await eventually(async () => expect(await page.texts('.twin tbody tr td:first-child')).toEqual(['Fjord']));
    const kept = await page.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(kept).not.toContain(made.body.api_key);
    await page.page.reload();
    await seen(page, '.line', 'Live');

    const { user, key_id } = made.body;
    const ended = await aerie.call('DELETE', `/api/users/${user.id}/keys/${key_id}`, ADMIN_TOKEN);
    expect(ended.status).toBe(204);
    await seen(page, '.notice', /session has ended/);
    expect(await page.page.evaluate(() => location.hash)).toContain(own.id);
    await own.client.close();
  });
});
