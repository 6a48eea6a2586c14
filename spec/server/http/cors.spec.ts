import { expectProblem, good, thingsServer } from './things.ts';

const { lookups, serve, get, url } = thingsServer();

describe('pages of other origins', () => {
  const from = (origin: string, headers: Record<string, string> = good) => ({ ...headers, origin });
  const preflight = { 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization' };

  it('may read answers and refusals if they are allowed', async () => {
    await serve({ origins: ['https://app.example.com'] });
    const origin = 'https://app.example.com';
    for (const [path, headers] of [
      ['/things/a', from(origin)],
      ['/things/a', from(origin, {})],
      ['/nowhere', from(origin)],
      ['/fault/any', from(origin)],
    ] as const) {
      const answer = await get(path, headers);
      expect(answer.status).not.toBe(403);
      expect(answer.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' });
    }
  });

  it('get 403 for everything if they are not, and nothing is done', async () => {
    await serve({ origins: ['https://app.example.com'] });
    for (const origin of ['https://evil.example', 'null', 'https://app.example.com.evil.example']) {
      for (const [path, method] of [
        ['/things/a', 'DELETE'],
        ['/health', 'GET'],
        ['/things/a', 'OPTIONS'],
      ] as const) {
        const answer = await get(path, from(origin, { ...good, ...preflight }), method);
        expectProblem(answer, 403, 'forbidden');
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
        expect(answer.headers.vary).toBe('Origin');
      }
    }
    expect(lookups).toEqual([]);
  });

  it('ask first and are told what they may send', async () => {
    await serve({ origins: ['https://app.example.com'] });
    const answer = await get('/things/a', from('https://app.example.com', preflight), 'OPTIONS');
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': 'https://app.example.com',
        'access-control-allow-methods': 'GET, DELETE, HEAD, OPTIONS',
        'access-control-allow-headers': 'authorization, content-type',
        'access-control-max-age': '600',
      },
    });
    expect((await get('/nowhere', from('https://app.example.com', preflight), 'OPTIONS')).status).toBe(404);
  });

  it('are those of the same host unless configured, and clients that are no browsers always pass', async () => {
    await serve({});
    const { host, port } = new URL(url());
    expect((await get('/things/a', from(`http://${host}`))).status).toBe(200);
    expect((await get('/things/a', from(`http://example.com:${port}`))).status).toBe(403);
    expect((await get('/things/a')).headers).not.toHaveProperty('access-control-allow-origin');
    await serve({ origins: 'any' });
    expect((await get('/things/a', from('https://anywhere.example'))).status).toBe(200);
  });

  it('of a list stand beside those of the same host, and one machine’s names for itself are one host', async () => {
    await serve({ origins: ['same_host', 'https://app.example.com'] });
    const { port } = new URL(url());
    for (const origin of [
      'https://app.example.com',
      `http://localhost:${port}`,
      'http://127.0.0.1',
      'http://[::1]:3000',
    ]) {
      const answer = await get('/things/a', from(origin));
      expect([origin, answer.status]).toEqual([origin, 200]);
      expect(answer.headers).toMatchObject({ 'access-control-allow-origin': origin });
    }
    expect((await get('/things/a', from('http://example.com'))).status).toBe(403);
  });

  it('may be asked about without a browser too', async () => {
    expect(await get('/things', {}, 'OPTIONS')).toMatchObject({ status: 204, headers: { allow: 'POST, OPTIONS' } });
  });
});
