import { ConfigError, readConfig } from '../../platform/config.ts';

describe('the configuration', () => {
  it('of an empty environment is that of a working server on one machine', () => {
    const { trustedProxies: _, ...config } = readConfig({});
    expect(config).toEqual({
      port: 4000,
      host: '127.0.0.1',
      networkId: 'local',
      redisUrl: undefined,
      dataDir: './data',
      adminToken: undefined,
      tokenSecret: undefined,
      metricsToken: undefined,
      allowedOrigins: 'same_host',
      nodeId: expect.stringMatching(/.+-[0-9a-f]{8}$/),
      maxFrameBytes: 524_288,
      maxBackpressureBytes: 1_048_576,
      maxChannelsPerSocket: 100,
      maxSocketsPerAgent: 50,
      rateLimit: { perSecond: 200, burst: 400 },
      byteRateLimit: { perSecond: 4_194_304, burst: 33_554_432 },
      httpRateLimit: { perSecond: 50, burst: 100 },
      socketTimeoutMs: 60_000,
      drainMs: 15_000,
      taskRetentionDays: 30,
      rpcProtocol: { min: '2026.0.0', max: '2026.9999.0' },
      callbackHosts: [],
      sessionCapability: 'assistant',
      orbit: {
        port: 9_000,
        isPortSet: false,
        host: undefined,
        token: undefined,
        capability: 'assistant',
        origins: ['http://localhost:3000'],
        turnMs: 300_000,
        maxSockets: 100,
      },
      visualisation: { maxViewers: 500, ratePerSecond: 10, maxLayoutAgents: 2_000 },
      logLevel: 'info',
      logFormat: 'json',
      tls: undefined,
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ PORT: '', REDIS_URL: ' ', ADMIN_TOKEN: '' })).toMatchObject({
      port: 4000,
      redisUrl: undefined,
    });
  });

  it('writes the log for people where they read it, unless told', () => {
    expect(readConfig({}, true).logFormat).toBe('pretty');
    expect(readConfig({ LOG_FORMAT: 'json' }, true).logFormat).toBe('json');
    expect(readConfig({ LOG_FORMAT: 'pretty' }).logFormat).toBe('pretty');
  });

  it('reads every variable', () => {
    const secret = 's'.repeat(32);
    expect(
      readConfig({
        PORT: '0',
        NETWORK_ID: 'prod-1',
        REDIS_URL: 'redis://:pass@redis:6379/2',
        ADMIN_TOKEN: secret,
        TOKEN_SECRET: secret,
        METRICS_TOKEN: `${secret}-of-the-scraper`,
        ALLOWED_ORIGINS: 'https://app.example.com, //*.example.org',
        RATE_LIMIT: '0',
        HTTP_RATE_LIMIT: '5:10',
        DRAIN_MS: '0',
        CALLBACK_HOSTS: 'hooks.example.com, 10.0.0.7:8080,[fd00::7]:8080',
        RPC_PROTOCOL_MIN: '1',
        RPC_PROTOCOL_MAX: '2026.0.0.0.0.0.0.7',
      }),
    ).toMatchObject({
      port: 0,
      networkId: 'prod-1',
      redisUrl: 'redis://:pass@redis:6379/2',
      adminToken: secret,
      tokenSecret: secret,
      metricsToken: `${secret}-of-the-scraper`,
      allowedOrigins: ['same_host', 'https://app.example.com', '//*.example.org'],
      rateLimit: undefined,
      httpRateLimit: { perSecond: 5, burst: 10 },
      drainMs: 0,
      callbackHosts: ['hooks.example.com', '10.0.0.7:8080', '[fd00::7]:8080'],
      rpcProtocol: { min: '1', max: '2026.0.0.0.0.0.0.7' },
    });
    expect(readConfig({ ALLOWED_ORIGINS: '*' }).allowedOrigins).toBe('any');
  });

  it('trusts the proxies that are listed, by address in any spelling or by range, and nobody else', () => {
    const { trustedProxies } = readConfig({ TRUST_PROXY: '10.0.0.1, ::1, 172.16.0.0/12,fd00::/8' });
    for (const address of ['10.0.0.1', '::1', '0000:0000:0000:0000:0000:0000:0000:0001', '172.31.0.9', 'fd12::1']) {
      expect([address, trustedProxies.has(address)]).toEqual([address, true]);
    }
    for (const address of ['10.0.0.2', '::2', '172.32.0.1', 'fe80::1', 'unknown', '']) {
      expect([address, trustedProxies.has(address)]).toEqual([address, false]);
    }
    expect(readConfig({}).trustedProxies.has('127.0.0.1')).toBe(false);
  });

  it.each([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '4000.5'],
    ['NETWORK_ID', 'two words'],
    ['NETWORK_ID', 'a\nb'],
    ['NODE_ID', '{x}'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'http://localhost'],
    ['ADMIN_TOKEN', 'short'],
    ['ADMIN_TOKEN', 'long enough but with spaces in between'],
    ['TOKEN_SECRET', 'x'.repeat(31)],
    ['METRICS_TOKEN', 'x'.repeat(31)],
    ['ALLOWED_ORIGINS', 'example.com'],
    ['ALLOWED_ORIGINS', 'https://example.com/path'],
    ['MAX_FRAME_BYTES', '0'],
    ['MAX_BACKPRESSURE_BYTES', '1e6'],
    ['MAX_CHANNELS_PER_SOCKET', '0'],
    ['MAX_SOCKETS_PER_AGENT', 'many'],
    ['RATE_LIMIT', '200'],
    ['RATE_LIMIT', '0:1'],
    ['HTTP_RATE_LIMIT', '1:'],
    ['SOCKET_TIMEOUT_MS', '10'],
    ['DRAIN_MS', '-1'],
    ['TASK_RETENTION_DAYS', '0'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
    ['TLS_CERT', '/nowhere/cert.pem'],
    ['TLS_KEY', '/nowhere/key.pem'],
    ['CALLBACK_HOSTS', 'https://hooks.example.com'],
    ['CALLBACK_HOSTS', 'hooks.example.com,10.7'],
    ['CALLBACK_HOSTS', '*.example.com'],
    ['RPC_PROTOCOL_MIN', 'v1'],
    ['RPC_PROTOCOL_MIN', '2027'],
    ['RPC_PROTOCOL_MIN', '1..2'],
    ['RPC_PROTOCOL_MAX', '1.2.3.4.5.6.7.8.9'],
    ['RPC_PROTOCOL_MAX', '-1'],
    ['ORBIT_PORT', '65536'],
    ['ORBIT_HOST', '0.0.0.0'],
    ['ORBIT_HOST', '::'],
    ['ORBIT_HOST', '10.0.0.1'],
    ['ORBIT_HOST', 'localhost.example.com'],
    ['ORBIT_HOST', '127.0.0.1.example.com'],
    ['ORBIT_TOKEN', 'x'.repeat(31)],
    ['ORBIT_ORIGINS', '*'],
    ['ORBIT_ORIGINS', 'localhost:3000'],
    ['ORBIT_TURN_MS', '999'],
    ['ORBIT_TURN_MS', '3600001'],
    ['ORBIT_MAX_SOCKETS', '0'],
    ['ORBIT_CAPABILITY', 'x'.repeat(65)],
    ['VIS_MAX_VIEWERS', '0'],
    ['VIS_RATE_HZ', '0'],
    ['VIS_RATE_HZ', '31'],
    ['VIS_LAYOUT_MAX_AGENTS', '0'],
    ['TRUST_PROXY', 'proxy.local'],
    ['TRUST_PROXY', '1.2.3'],
    ['TRUST_PROXY', '10.0.0.0/33'],
  ])('refuses %s=%j in one line that names it and what is allowed', (name, value) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^Invalid (?:${name}|TLS_(?:CERT|KEY))(?:=.*)?: expected .+\\.$`));
  });

  it('refuses TLS files that are no certificate and its key', () => {
    const read = () => readConfig({ TLS_CERT: 'package.json', TLS_KEY: 'package.json' });
    expect(read).toThrow(
      /^Invalid TLS_CERT=package.json: expected a certificate in PEM that TLS_KEY is the key of \(.+\)\.$/,
    );
  });

  it.each([
    ['METRICS_TOKEN', 'ADMIN_TOKEN'],
    ['ORBIT_TOKEN', 'ADMIN_TOKEN'],
    ['ORBIT_TOKEN', 'METRICS_TOKEN'],
  ])('wants another secret for %s than for %s', (name, other) => {
    const secret = 's'.repeat(32);
    const read = () => readConfig({ [other]: secret, [name]: secret });
    expect(read).toThrow(new ConfigError(`Invalid ${name}: expected another secret than ${other}.`));
  });

  it('of the port without credentials is for this machine alone, unless it has a token or is off', () => {
    for (const ORBIT_HOST of ['localhost', '127.0.0.1', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1']) {
      expect(readConfig({ ORBIT_HOST }).orbit.host).toBe(ORBIT_HOST);
    }
    expect(readConfig({ ORBIT_HOST: '0.0.0.0', ORBIT_TOKEN: 't'.repeat(32) }).orbit.host).toBe('0.0.0.0');
    expect(readConfig({ ORBIT_HOST: '0.0.0.0', ORBIT_PORT: '0' }).orbit.port).toBe(0);
    expect(readConfig({ ORBIT_PORT: '9000' }).orbit.isPortSet).toBe(true);
    expect(readConfig({ ORBIT_ORIGINS: 'https://a.example, //b.example' }).orbit.origins).toEqual([
      'https://a.example',
      '//b.example',
    ]);
  });

  it.each([
    [{ PORT: '1e3' }, 'Invalid PORT=1e3: expected a whole number from 0 to 65535.'],
    [{ LOG_LEVEL: 'a\nb' }, 'Invalid LOG_LEVEL=a\\nb: expected one of trace, debug, info, warn, error, fatal, silent.'],
    [{ ADMIN_TOKEN: 'x' }, 'Invalid ADMIN_TOKEN: expected a secret of at least 32 ASCII characters, no spaces.'],
  ])('says of %j: %s', (environment, message) => {
    expect(() => readConfig(environment)).toThrow(new ConfigError(message));
  });

  it('shows the beginning of a value that is very long', () => {
    expect(() => readConfig({ NETWORK_ID: 'x'.repeat(10_000) })).toThrow(/^Invalid NETWORK_ID=x{200}…: /);
  });

  it.each(['ADMIN_TOKEN', 'TOKEN_SECRET', 'METRICS_TOKEN', 'ORBIT_TOKEN', 'REDIS_URL'])('never shows %s', (name) => {
    expect(() => readConfig({ [name]: 'hunter2' })).toThrow(/^(?!.*hunter2)/);
  });
});
