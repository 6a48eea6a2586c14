import { CallbackHosts, isCallbackHost, isPublic } from '../../../channels/control/callback_hosts.ts';

describe('the hosts of callbacks', () => {
  const hosts = new CallbackHosts([
    'hooks.example.com',
    'api.example.com:8443',
    '10.0.0.7:8080',
    '[fd00::7]:8080',
    '192.0.2.9',
    'localhost:9000',
  ]);

  it.each([
    'https://hooks.example.com/a?b=c',
    'https://hooks.example.com:443/',
    'https://HOOKS.example.com/',
    'https://api.example.com:8443/',
    'http://10.0.0.7:8080/',
    'https://10.0.0.7:8080/',
    'http://[fd00:0::7]:8080/',
    'http://192.0.2.9/',
    'https://192.0.2.9/',
    'http://localhost:9000/',
  ])('takes %s', (url) => {
    expect(hosts.target(url)).toBeDefined();
  });

  it.each([
    ['another name', 'https://example.com/'],
    ['a name below', 'https://a.hooks.example.com/'],
    ['a name that ends so', 'https://evilhooks.example.com/'],
    ['a trailing dot', 'https://hooks.example.com./'],
    ['plain HTTP to a name', 'http://hooks.example.com/'],
    ['port 80 by HTTPS', 'https://hooks.example.com:80/'],
    ['another port', 'https://hooks.example.com:8443/'],
    ['443 where another port is listed', 'https://api.example.com/'],
    ['a literal on another port', 'http://10.0.0.7/'],
    ['user information', 'https://user:pass@hooks.example.com/'],
    ['a user alone', 'https://hooks.example.com@evil.example/'],
    ['a listed name as user', 'https://hooks.example.com:443@169.254.169.254/'],
    ['a backslash', 'https://evil.example\\@hooks.example.com/'],
    ['a literal that is not listed', 'https://169.254.169.254/'],
    ['a mapped literal', 'http://[::ffff:10.0.0.7]:8080/'],
    ['localhost on another port', 'http://localhost:9001/'],
    ['another scheme', 'ftp://hooks.example.com/'],
    ['a file', 'file:///etc/passwd'],
    ['no URL', 'hooks.example.com'],
    ['a fraction of a port', 'http://10.0.0.7:8080.5/'],
    ['too long a URL', `https://hooks.example.com/${'a'.repeat(2_048)}`],
  ])('refuses %s', (_what, url) => {
    expect(hosts.target(url)).toBeUndefined();
  });

  it('takes an address in other spellings for what it is', () => {
    for (const url of ['http://0x0a.0.0.7:8080/', 'http://167772167:8080/', 'http://10.7:8080/']) {
      expect(hosts.target(url)?.host).toBe('10.0.0.7');
    }
    for (const url of ['http://127.1:8080/', 'http://0:8080/', 'http://2130706433:8080/']) {
      expect(hosts.target(url)).toBeUndefined();
    }
  });

  it('connects to public addresses, and to others only where they are listed themselves with that port', () => {
    const [hooks, api, local] = [
      'https://hooks.example.com/',
      'https://api.example.com:8443/',
      'http://localhost:9000/',
    ].map((url) => hosts.target(url));
    if (!hooks || !api || !local) throw new Error('not listed');
    expect(hosts.mayConnect(hooks, '93.184.216.34')).toBe(true);
    expect(hosts.mayConnect(hooks, '2606:2800:220:1:248:1893:25c8:1946')).toBe(true);
    expect(hosts.mayConnect(hooks, '192.0.2.9')).toBe(true);
    expect(hosts.mayConnect(api, '192.0.2.9')).toBe(false);
    expect(hosts.mayConnect(hooks, '10.0.0.7')).toBe(false);
    expect(hosts.mayConnect(hooks, 'fd00::7')).toBe(false);
    expect(hosts.mayConnect(hooks, '::ffff:192.0.2.9')).toBe(false);
    expect(hosts.mayConnect(hooks, '127.0.0.1')).toBe(false);
    expect(hosts.mayConnect(hooks, 'hooks.example.com')).toBe(false);
    for (const own of ['127.0.0.1', '::1']) expect(hosts.mayConnect(local, own)).toBe(true);
    expect(hosts.mayConnect(local, '10.0.0.7')).toBe(false);
  });

  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:8.8.8.8',
    '::ffff:127.0.0.1',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::1',
    '3fff::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '5f00::1',
    'example.com',
    '',
    '1.2.3',
    '8.8.8.8.',
  ])('%s is not public', (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.0.1',
    '100.128.0.1',
    '192.0.1.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s is public', (address) => {
    expect(isPublic(address)).toBe(true);
  });

  it.each([
    'hooks.example.com',
    'a:1',
    'xn--mnchen-3ya.de',
    '10.0.0.7',
    '10.0.0.7:443',
    '[::1]',
    '[::1]:65535',
    'localhost:80',
  ])('%s can be listed', (entry) => {
    expect(isCallbackHost(entry)).toBe(true);
  });

  it.each([
    'Hooks.example.com',
    'https://hooks.example.com',
    'hooks.example.com/',
    'a/b',
    'user@host',
    '10.7',
    '0x7f.1',
    '::1',
    '[0::1]',
    'a:0',
    'a:65536',
    'a:',
    '*.example.com',
    ' a',
    'a b',
    'münchen.de',
    '',
    ':443',
    'a?b',
    'a#b',
  ])('%j cannot be listed', (entry) => {
    expect(isCallbackHost(entry)).toBe(false);
  });
});
