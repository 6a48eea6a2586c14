import { problem } from '../../../server/http/problem.ts';
import { reasonPhrase } from '../../../server/http/reason_phrase.ts';

describe('the words beside a status', () => {
  it.each([
    [200, 'OK'],
    [404, 'Not Found'],
    // Node.js has the name that it had before RFC 9110.
    [413, 'Content Too Large'],
    [426, 'Upgrade Required'],
    [503, 'Service Unavailable'],
    [599, 'Unknown'],
  ])('are those of RFC 9110: %i %s', (status, words) => {
    expect(reasonPhrase(status)).toBe(words);
  });

  it('are the title of a problem', () => {
    const { status, body = '' } = problem({ ok: false, reason: 'payload_too_large', message: 'Too large.' });
    expect([status, JSON.parse(String(body)).title]).toEqual([413, 'Content Too Large']);
  });
});
