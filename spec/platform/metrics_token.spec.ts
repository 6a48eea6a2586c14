import { ADMIN_TOKEN, type Aerie, onRedis, startAerie, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { ownRedis } from '../support/redis.ts';

const METRICS_TOKEN = 'for-scraping-and-nothing-else-0123456789';
/** Not from this machine, as far as the server can tell. */
const forwarded = { forwarded: 'for=203.0.113.9' };

const scrape = (aerie: Aerie, credential: string) =>
  fetch(`${aerie.url}/metrics`, { headers: { ...forwarded, authorization: `Bearer ${credential}` } });

describe('METRICS_TOKEN', () => {
  let aerie: Aerie;

  beforeAll(async () => {
    aerie = await startAerieInFolder({ METRICS_TOKEN, LOG_LEVEL: 'trace' });
  });
  afterAll(() => aerie.stop());

  it('is good for the metrics', async () => {
    const answer = await scrape(aerie, METRICS_TOKEN);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('aerie_connections 0');
    expect((await scrape(aerie, ADMIN_TOKEN)).status).toBe(200);
    for (const other of [`${METRICS_TOKEN}x`, METRICS_TOKEN.slice(1), 'undefined']) {
      expect((await scrape(aerie, other)).status).toBe(401);
    }
  });

  it('is good for nothing else', async () => {
    for (const path of ['/api/me', '/api/agents', '/api/topics', '/api/agents/a', '/api/tasks']) {
      expect([path, (await aerie.call('GET', path, METRICS_TOKEN)).status]).toEqual([path, 401]);
    }
    expect(await aerie.call('POST', '/api/users', METRICS_TOKEN, { name: 'x' })).toMatchObject({ status: 401 });
    const connect = await fetch(`${aerie.url}/socket/longpoll?vsn=2.0.0&api_key=${METRICS_TOKEN}`);
    expect(await connect.json()).toMatchObject({ status: 403 });
  });

  it('is in no log', async () => {
    await scrape(aerie, METRICS_TOKEN);
    expect(aerie.stdout() + aerie.stderr()).not.toContain(METRICS_TOKEN);
  });
});

it('metrics can be scraped while Redis is away', async () => {
  const redis = await ownRedis();
  const aerie = await startAerie({ ...onRedis(redis.url).env, METRICS_TOKEN });
  await redis.kill();
  try {
    await eventually(async () => expect(await aerie.call('GET', '/ready')).toMatchObject({ status: 503 }), 20_000);
    expect((await scrape(aerie, METRICS_TOKEN)).status).toBe(200);
  } finally {
    await aerie.stop();
    await redis.stop();
  }
});
