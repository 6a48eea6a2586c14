import { isOriginPattern, originAllowed } from '../../../server/http/origin.ts';

describe('an origin', () => {
  it.each([
    ['same_host', 'http://example.com', 'example.com', true],
    ['same_host', 'https://example.com:8443', 'example.com:4000', true],
    ['same_host', 'http://evil.example', 'example.com', false],
    ['same_host', 'http://example.com.evil.example', 'example.com', false],
    ['same_host', 'null', 'example.com', false],
    ['same_host', 'http://user@example.com', 'example.com', false],
    ['same_host', 'http://example.com/path', 'example.com', false],
    ['same_host', 'http://example.com', undefined, false],
    ['same_host', undefined, 'example.com', true],
    ['same_host', 'http://localhost:3000', '127.0.0.1:4000', true],
    ['same_host', 'http://127.0.0.1:3000', '[::1]:4000', true],
    ['same_host', 'http://[::1]:3000', 'localhost', true],
    ['same_host', 'http://localhost.evil.example', '127.0.0.1', false],
    ['same_host', 'http://127.0.0.2', '127.0.0.1', false],
    ['same_host', 'http://localhost', 'example.com', false],
    ['same_host', 'http://example.com', 'example.com:x', false],
    [['//app.example'], 'http://example.com', 'example.com', false],
    [['same_host', '//app.example'], 'http://example.com', 'example.com', true],
    [['same_host', '//app.example'], 'http://localhost:81', '127.0.0.1:4000', true],
    [['same_host', '//app.example'], 'http://app.example', 'example.com', true],
    [['same_host', '//app.example'], 'http://evil.example', 'example.com', false],
    ['any', 'null', undefined, true],
  ] as const)('under %s, %s at %s: %s', (policy, origin, host, allowed) => {
    expect(originAllowed(policy, origin, host)).toBe(allowed);
  });

  it.each([
    ['https://app.example.com', 'https://app.example.com', true],
    ['https://app.example.com', 'https://APP.example.com', true],
    ['https://app.example.com', 'http://app.example.com', false],
    ['https://app.example.com', 'https://app.example.com:8443', false],
    ['https://app.example.com:443', 'https://app.example.com', true],
    ['https://app.example.com', 'https://xapp.example.com', false],
    ['//example.com', 'http://example.com:81', true],
    ['//example.com:81', 'http://example.com', false],
    ['//*.example.com', 'https://a.b.example.com', true],
    ['//*.example.com', 'https://example.com', false],
    ['//*.example.com', 'https://evilexample.com', false],
    ['http://[::1]:3000', 'http://[::1]:3000', true],
    ['http://localhost:3000', 'http://127.0.0.1:3000', true],
    ['http://localhost:3000', 'http://[::1]:3001', false],
  ])('of the list %s, %s: %s', (pattern, origin, allowed) => {
    expect(isOriginPattern(pattern)).toBe(true);
    expect(originAllowed([pattern], origin, undefined)).toBe(allowed);
  });

  it.each([
    'example.com',
    'same_host',
    'https://',
    'https://a.b:',
    'https://a.b:99999',
    'http://[',
    'https://a.b/path',
    'https://a b',
  ])('is not %s', (text) => {
    expect(isOriginPattern(text)).toBe(false);
  });
});
