import { RequestAllowance } from '../../../server/allowance/requests.ts';
import { expectProblem, good, thingsServer } from './things.ts';

let nowMs = 0;
const { lookups, get, serve } = thingsServer();

beforeEach(() => serve({ requests: new RequestAllowance({ perSecond: 2, burst: 3 }, () => nowMs) }));

describe('the rate limit', () => {
  async function statuses(count: number, headers: Record<string, string>, path = '/things/a') {
    const answers: number[] = [];
    for (let sent = 0; sent < count; sent++) answers.push((await get(path, headers)).status);
    return answers;
  }

  it('counts each account for itself, and tells when to come again', async () => {
    expect(await statuses(4, { authorization: 'Bearer good-1' })).toEqual([200, 200, 200, 429]);
    expect(await statuses(4, { authorization: 'Bearer good-2' })).toEqual([200, 200, 200, 429]);
    const answer = await get('/things/a', { authorization: 'Bearer good-1' });
    expect(expectProblem(answer, 429, 'rate_limited').details).toEqual({ retry_after_ms: 500 });
    expect(answer.headers['retry-after']).toBe('1');
    nowMs += 500;
    expect(await statuses(2, { authorization: 'Bearer good-1' })).toEqual([200, 429]);
  });

  it('counts all credentials of an account together', async () => {
    await serve({
      requests: new RequestAllowance({ perSecond: 2, burst: 3 }, () => nowMs),
      accountOf: ({ name }) => name.split('-')[0] ?? '',
    });
    expect(await statuses(2, { authorization: 'Bearer good-1' })).toEqual([200, 200]);
    expect(await statuses(2, { authorization: 'Bearer good-2' })).toEqual([200, 429]);
    expect(await statuses(1, { authorization: 'Bearer good-3' })).toEqual([429]);
    expect(await statuses(1, { authorization: 'Bearer goodwill-1' })).toEqual([200]);
  });

  it('counts by address what comes without a credential or with a bad one', async () => {
    expect(await statuses(2, {})).toEqual([401, 401]);
    expect(await statuses(2, { authorization: 'Bearer bad-1' })).toEqual([401, 429]);
    expect(await statuses(1, { authorization: 'Bearer bad-2' })).toEqual([429]);
    expect(await statuses(1, {}, '/open')).toEqual([429]);
    expect(await statuses(1, { authorization: 'Bearer good' })).toEqual([200]);
  });

  it('asks no store about a credential that is over its limit', async () => {
    await statuses(3, good);
    lookups.length = 0;
    expect(await statuses(3, good)).toEqual([429, 429, 429]);
    expect(lookups).toEqual([]);
  });

  it('leaves out what is marked so', async () => {
    await statuses(4, {});
    expect(await statuses(5, {}, '/health')).toEqual([200, 200, 200, 200, 200]);
  });
});
