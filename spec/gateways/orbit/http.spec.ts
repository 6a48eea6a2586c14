import { hostCheck } from '../../../gateways/orbit/http.ts';

describe('the host of a request', () => {
  const takes = hostCheck(['http://localhost:3000', 'https://chat.example.com', '//*.example.org'], ['127.0.0.2']);

  it.each([
    ...['localhost', 'localhost:9000', '127.0.0.1:9000', '[::1]:9000', 'LOCALHOST:1', '127.0.0.2:9000'],
    ...['chat.example.com', 'chat.example.com:8443', 'a.example.org:9000'],
  ])('may be %s', (host) => expect(takes(host)).toBe(true));

  it.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'example.com',
    'example.org',
    'user@localhost',
    'localhost/x',
    'localhost:x',
    '127.0.0.3:9000',
    '192.168.0.1:9000',
  ])('may not be %s', (host) => expect(takes(host)).toBe(false));
});
