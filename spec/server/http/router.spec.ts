import { serveRoutes } from './serving.ts';
import { expectProblem, good, routes, thingsServer } from './things.ts';

const { logged, serve, authenticate, get } = thingsServer();

describe('the router', () => {
  it('finds the route of a path and what stands for its parameters, percent-decoded', async () => {
    expect(JSON.parse((await get('/things/a%20b')).text)).toEqual({ id: 'a b', caller: 'good' });
    expect(JSON.parse((await get('/things//x/parts/%2F/')).text)).toEqual({ part: '/' });
  });

  it('answers what is nowhere with 404', async () => {
    for (const path of ['/', '/thing', '/things/a/parts', '/things/a/parts/b/c', '/THINGS/a']) {
      expectProblem(await get(path, {}), 404, 'not_found');
    }
  });

  it('answers a method that a path does not take with 405 and those that it does', async () => {
    const answer = await get('/things/a', {}, 'PUT');
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers.allow).toBe('GET, DELETE, HEAD, OPTIONS');
    expect((await get('/things', {}, 'GET')).headers.allow).toBe('POST, OPTIONS');
  });

  it('answers HEAD as GET without the body', async () => {
    expect(await get('/things/a', good, 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect((await get('/things', good, 'HEAD')).status).toBe(405);
  });

  it('answers 204 without a body', async () => {
    expect(await get('/things/a', good, 'DELETE')).toMatchObject({ status: 204, text: '' });
  });

  it('takes a good bearer credential only', async () => {
    const bad = [
      {},
      ...['', 'Bearer', 'Bearer ', 'Bearer bad', 'Basic good', 'good', 'Bearer good good', 'Bearergood'],
    ];
    for (const header of bad) {
      const answer = await get('/things/a', typeof header === 'string' ? { authorization: header } : {});
      expectProblem(answer, 401, 'unauthorized');
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    for (const header of ['Bearer good', 'bearer good', 'BEARER  good']) {
      expect((await get('/things/a', { authorization: header })).status).toBe(200);
    }
  });

  it('logs who was not let in, with the route and without what was given', async () => {
    await get('/things/secret-thing', { authorization: 'Bearer bad' });
    await get('/refusal/forbidden');
    await get('/refusal/inbox_full');
    await get('/things/a', { origin: 'https://elsewhere.example' });
    const told = { level: 'info', message: 'request refused' };
    const about = { method: 'GET', address: '127.0.0.1' };
    expect(logged).toEqual([
      { ...told, fields: { ...about, route: '/things/:id', reason: 'unauthorized' } },
      { ...told, fields: { ...about, route: '/refusal/:reason', reason: 'forbidden' } },
      { ...told, fields: { ...about, reason: 'wrong_origin' } },
    ]);
  });

  it('asks nothing of anybody on an open route, and says who has a credential', async () => {
    expect(await get('/open', {})).toMatchObject({ status: 200, text: '{}' });
    expect(await get('/open', { authorization: 'Bearer bad' })).toMatchObject({ status: 200, text: '{}' });
    expect(await get('/open')).toMatchObject({ status: 200, text: '{"name":"good"}' });
  });

  it('gives a refusal its status, 409 for what it does not know', async () => {
    const statuses = { unauthorized: 401, forbidden: 403, not_found: 404, payload_too_large: 413, unavailable: 503 };
    for (const [reason, status] of Object.entries(statuses)) {
      expect(expectProblem(await get(`/refusal/${reason}`), status, reason).details).toEqual({ limit: 3 });
    }
    expectProblem(await get('/refusal/inbox_full'), 409, 'inbox_full');
    await serve({ statusOf: (reason) => (reason === 'inbox_full' ? 400 : undefined) });
    expectProblem(await get('/refusal/inbox_full'), 400, 'inbox_full');
    expectProblem(await get('/refusal/not_found'), 404, 'not_found');
  });

  it('answers a fault with the id under which the log has it, and nothing else of it', async () => {
    const answer = await get('/fault/any?token=hidden');
    const { details, ...rest } = expectProblem(answer, 500, 'internal_error');
    expect(Object.keys(rest)).toEqual(['type', 'title', 'status', 'detail', 'reason']);
    expect(details).toEqual({ incident: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(answer.text).not.toContain('secret');
    expect(logged).toMatchObject([{ level: 'error', fields: { ...details, route: '/fault/:kind', method: 'GET' } }]);
    expect(logged[0]?.fields.err).toMatchObject({ message: 'a secret of ours' });
    expect(JSON.stringify(logged)).not.toContain('hidden');
  });

  it('answers a store that is out of reach with 503, also while it looks for the credential', async () => {
    for (const answer of [await get('/fault/store'), await get('/things/a', { authorization: 'Bearer broken' })]) {
      expectProblem(answer, 503, 'unavailable');
      expect(answer.text).not.toContain('redis');
    }
    expect(logged.map(({ level }) => level)).toEqual(['warn', 'warn']);
  });

  it('refuses two routes of one address', async () => {
    const [first] = routes;
    await expect(serveRoutes({ routes: first ? [first, first] : [], authenticate })).rejects.toThrow('Two routes');
  });
});
