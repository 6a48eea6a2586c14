import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { type Cast, cast, deals, suspend } from '../lists/people.ts';

onEveryDeployment('the figures over HTTP', (deployment) => {
  let people: Cast;
  const get = (credential: string, path: string) =>
    deployment().there.call<Record<string, unknown>>('GET', `/api/analytics/${path}`, credential);

  beforeAll(async () => {
    const { here } = deployment();
    people = await cast(here);
    await deals(here, [[people.ada, people.eve]]);
  });

  it('are those that the events answer', async () => {
    const { owner, ada } = people;
    const of = `agents/${ada.id}`;
    await eventually(async () => {
      expect((await get(ada.apiKey, `${of}/metrics?period=1h`)).body).toMatchObject({ tasks: { created: 1 } });
    }, 20_000);
    const client = new Client(deployment().here.url, { params: { api_key: ada.apiKey } });
    const topic = await client.join(`analytics:agent:${ada.id}`);
    const withoutTimes = (answer: unknown) => ({ ...(answer as object), from: null, to: null });
    for (const [event, payload, path] of [
      ['request_metrics', { period: '1h' }, 'metrics?period=1h'],
      ['request_revenue', { period: '7d' }, 'revenue?period=7d'],
      ['request_heatmap', { period: '30d' }, 'heatmap?period=30d'],
      [
        'request_time_series',
        { metric: 'tasks_created', opts: { period: '30d', interval: '1d' } },
        'time_series?metric=tasks_created&period=30d&interval=1d',
      ],
      ['request_time_series', { metric: 'spend', opts: { period: '7d' } }, 'time_series?metric=spend&period=7d'],
    ] as const) {
      // Online agents may be counted in between.
      await eventually(async () => {
        const answered = withoutTimes(await topic.push(event, payload));
        expect([path, withoutTimes((await get(ada.apiKey, `${of}/${path}`)).body)]).toEqual([path, answered]);
      }, 10_000);
    }
    await client.close();
    await eventually(async () => {
      const { body } = await get(owner.apiKey, `users/${owner.id}/metrics?period=24h`);
      expect(body).toMatchObject({ tasks: { created: 1 }, messages: { sent: 1 } });
    }, 20_000);
  });

  it('are for those who may join the topic, and for the admin', async () => {
    const { owner, rival, app, ada, bob, eve } = people;
    const agent = `agents/${ada.id}/metrics?period=1h`;
    const user = `users/${owner.id}/revenue?period=1h`;
    const all = 'global/metrics?period=1h';
    for (const [credential, path, status] of [
      [ada.apiKey, agent, 200],
      [owner.apiKey, agent, 200],
      [ADMIN_TOKEN, agent, 200],
      [bob.apiKey, agent, 403],
      [rival.apiKey, agent, 403],
      [app.apiKey, agent, 403],
      [owner.apiKey, user, 200],
      [bob.apiKey, user, 200],
      [ADMIN_TOKEN, user, 200],
      [eve.apiKey, user, 403],
      [rival.apiKey, user, 403],
      [eve.apiKey, all, 200],
      [app.apiKey, all, 200],
      [ADMIN_TOKEN, 'global/heatmap?period=1h', 200],
      [ADMIN_TOKEN, 'global/revenue?period=1h', 403],
      [eve.apiKey, 'global/time_series?metric=spend', 403],
      ['nothing', all, 401],
      [ADMIN_TOKEN, 'agents/nobody/metrics?period=1h', 404],
      [ADMIN_TOKEN, 'users/nobody/metrics?period=1h', 404],
      [ADMIN_TOKEN, 'global/odd?period=1h', 404],
    ] as const) {
      expect([credential, path, (await get(credential, path)).status]).toEqual([credential, path, status]);
    }
    expect((await get(eve.apiKey, all)).body).not.toHaveProperty('revenue');
  });

  it.each([
    ['metrics', '/period'],
    ['metrics?period=2h', '/period'],
    ['metrics?period=1h&metric=spend', '/metric'],
    ['time_series', '/metric'],
    ['time_series?metric=spend&interval=2m', '/interval'],
    ['time_series?metric=spend&period=30d&interval=1m', '/interval'],
    ['time_series?metric=odd&colour=red', '/colour'],
  ])('refuse %s', async (query, path) => {
    const { ada } = people;
    expect(await get(ada.apiKey, `agents/${ada.id}/${query}`)).toMatchObject({
      status: 400,
      body: { reason: 'invalid_payload', errors: [{ path }] },
    });
  });

  it('list the metrics where there is no such', async () => {
    const { ada } = people;
    expect(await get(ada.apiKey, `agents/${ada.id}/time_series?metric=odd`)).toMatchObject({
      status: 400,
      body: { reason: 'unknown_metric', details: { metrics: expect.arrayContaining(['spend']) } },
    });
  });

  it('are a suspended agent’s where they are its own', async () => {
    const { here } = deployment();
    const { owner, ada } = await cast(here);
    await suspend(here, ada);
    expect(await get(ada.apiKey, `agents/${ada.id}/metrics?period=1h`)).toMatchObject({ status: 200 });
    for (const path of [`users/${owner.id}/metrics`, 'global/metrics', 'agents/nobody/metrics']) {
      expect(await get(ada.apiKey, `${path}?period=1h`)).toMatchObject({ status: 403 });
    }
  });
});
