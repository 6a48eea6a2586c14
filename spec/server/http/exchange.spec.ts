import { Agent } from 'node:http';
import { type Serving, send, serveRoutes } from './serving.ts';

describe('an answer without a body', () => {
  let serving: Serving;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  beforeAll(async () => {
    serving = await serveRoutes({
      routes: [
        { method: 'GET', path: '/thing', access: 'anybody', handle: () => ({ status: 200, body: 'here' }) },
        { method: 'DELETE', path: '/thing', access: 'anybody', handle: () => ({ status: 204 }) },
      ],
      authenticate: async () => undefined,
    });
  });
  afterAll(() => {
    agent.destroy();
    serving.close();
  });

  it.each(['DELETE', 'OPTIONS', 'HEAD', 'GET'])(
    'leaves the connection fit for the next request after %s',
    async (method) => {
      const url = `${serving.url}/thing`;
      const answers = [await send(url, { method, agent }), await send(url, { agent }), await send(url, { agent })];
      expect(answers.slice(1)).toMatchObject([{ text: 'here' }, { text: 'here' }]);
    },
  );

  it('has no length with 204 (RFC 9110, 8.6), and with HEAD that of the body left out', async () => {
    const url = `${serving.url}/thing`;
    expect((await send(url, { method: 'DELETE' })).headers).not.toHaveProperty('content-length');
    expect((await send(url, { method: 'HEAD' })).headers['content-length']).toBe('4');
  });
});
