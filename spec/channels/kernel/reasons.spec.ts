import { readFileSync } from 'node:fs';
import { reasons, refuse } from '../../../channels/kernel/reasons.ts';
import { httpReasons } from '../../../server/http/problem.ts';
import { frameworkReasons } from '../../../server/refusal.ts';

const pages = ['PROTOCOL', 'SESSIONS', 'CONVERSATIONS', 'VISUALISATION', 'CHOICES']
  .map((page) => readFileSync(`docs/${page}.md`, 'utf8'))
  .join('\n');

describe('the table of reasons', () => {
  it('holds what the framework says too', () => {
    expect(Object.keys(reasons)).toEqual(expect.arrayContaining(Object.keys({ ...frameworkReasons, ...httpReasons })));
  });

  it.each(Object.entries(reasons))('%s: a code for programs, a sentence for people', (reason, message) => {
    expect(reason).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(message).toMatch(/^[A-Z].*\.$/);
  });

  it.each(Object.keys(reasons))('%s stands in the protocol, or in what was chosen beside it', (reason) => {
    expect(pages.includes(`\`${reason}\``)).toBe(true);
  });

  it('holds every code that works everywhere', () => {
    const everywhere = ['unauthorized', 'forbidden', 'not_found', 'invalid_payload', 'payload_too_large'];
    const more = ['unknown_event', 'rate_limited', 'unavailable', 'internal_error', 'conflict'];
    expect(Object.keys(reasons)).toEqual(expect.arrayContaining([...everywhere, ...more]));
  });

  it('refuses with details only where there are some', () => {
    expect(refuse('not_found')).toEqual({ ok: false, reason: 'not_found', message: reasons.not_found });
    expect(refuse('conflict', { limit: 1 })).toMatchObject({ details: { limit: 1 } });
  });
});
