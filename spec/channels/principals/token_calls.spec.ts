import { expectRefused, withApi } from './api.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

withApi((cast, call) => {
  describe('POST /api/session_tokens', () => {
    it('makes one for a user, an app or an agent, for a day unless asked otherwise', async () => {
      for (const { apiKey, id } of [cast().user, cast().app, cast().owned]) {
        const beforeMs = Date.now();
        const { status, body } = await call('POST', '/api/session_tokens', apiKey);
        expect(status).toBe(201);
        expect(body).toEqual({ token: expect.any(String), expires_at: expect.stringMatching(ISO) });
        const lifeMs = Date.parse(body.expires_at) - beforeMs;
        expect(lifeMs).toBeGreaterThanOrEqual(86_400_000);
        expect(lifeMs).toBeLessThan(86_402_000);
        const payload = JSON.parse(Buffer.from(body.token.split('.')[1] ?? '', 'base64url').toString());
        expect(payload.sub.split(':')[1]).toBe(id);
        expect((await call('GET', `/api/agents/${cast().other.id}`, body.token)).status).toBe(200);
      }
      for (const ttl_seconds of [60, 2_592_000]) {
        expect((await call('POST', '/api/session_tokens', cast().owned.apiKey, { ttl_seconds })).status).toBe(201);
      }
    });

    it('refuses other lifetimes, then tokens and the admin', async () => {
      for (const ttl_seconds of [59, 2_592_001, 60.5, '60']) {
        expectRefused(
          await call('POST', '/api/session_tokens', cast().owned.token, { ttl_seconds }),
          400,
          'invalid_payload',
        );
      }
      for (const credential of [cast().api.admin, cast().owned.token, cast().user.token, cast().app.token]) {
        expectRefused(await call('POST', '/api/session_tokens', credential), 403, 'forbidden');
      }
      expectRefused(await call('POST', '/api/session_tokens'), 401, 'unauthorized');
    });
  });
});
