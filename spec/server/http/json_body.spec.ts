import { expectProblem, thingsServer } from './things.ts';

const { ask, post } = thingsServer();

describe('a JSON body', () => {
  it('is an object by the schema, whatever its content type, and null counts as absent', async () => {
    expect(JSON.parse((await post('{"name": "x", "size": null, "more": 1}')).text)).toEqual({
      body: { name: 'x', more: 1 },
      received: { name: 'x', size: null, more: 1 },
    });
    for (const type of ['application/json; charset=utf-8', 'text/plain', 'application/x-www-form-urlencoded']) {
      expect((await post('{"name": "x"}', { 'content-type': type })).status).toBe(201);
    }
    expect((await post('\ufeff{"name": "x"}')).status).toBe(201);
  });

  it.each<[string, string | Buffer]>([
    ['no JSON', '{"name": '],
    ['other text', 'name=x'],
    ['two values', '{"name": "x"} {}'],
    ['a list', '[{"name": "x"}]'],
    ['a text', '"x"'],
    ['null', 'null'],
    ['not UTF-8', Buffer.from([...Buffer.from('{"name": "'), 0xff, ...Buffer.from('"}')])],
    ['half a surrogate pair', '{"name": "\\ud800"}'],
    ['nested too deep', `{"name": "x", "more": ${'['.repeat(64)}${']'.repeat(64)}}`],
    ['nested far too deep', `{"name": "x", "more": ${'['.repeat(200_000)}`],
    ['a number that is none', '{"name": "x", "size": 1e999}'],
  ])('that is %s is answered with 400', async (_what, body) => {
    const { errors } = expectProblem(await post(body), 400, 'invalid_payload');
    expect(errors).toEqual([{ path: expect.any(String), message: expect.any(String) }]);
  });

  it('that lacks a field, as no body at all does, says which', async () => {
    for (const body of ['{}', '']) {
      expect(expectProblem(await post(body), 400, 'invalid_payload').errors.length).toBeGreaterThan(0);
    }
    const { errors } = expectProblem(await post('{"name": "x", "size": 1.5}'), 400, 'invalid_payload');
    expect(errors).toEqual([{ path: '/size', message: 'size must be a whole number' }]);
  });

  it('over the limit is answered with 413, one that just fits is taken', async () => {
    const fits = JSON.stringify({ name: 'x'.repeat(1_048_576 - '{"name":""}'.length) });
    expect((await post(fits)).status).toBe(201);
    expectProblem(await post(`${fits} `), 413, 'payload_too_large');
  });

  it('of somebody without a credential is not looked at', async () => {
    expectProblem(await ask('/things', { method: 'POST', body: '{' }), 401, 'unauthorized');
  });
});
