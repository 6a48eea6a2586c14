import { parseRedisUrl } from '../../../server/redis/address.ts';

describe('REDIS_URL', () => {
  it('names one Redis', () => {
    expect(parseRedisUrl('redis://:secret@redis:6379/2')).toMatchObject({ kind: 'single', place: 'redis:6379' });
    expect(parseRedisUrl('rediss://user:secret@redis')).toMatchObject({ kind: 'single', place: 'redis' });
  });

  it('names a master by its sentinels', () => {
    const url = 'redis+sentinel://user:p%40ss@one,two:26380,[::1]:5/aerie/3?sentinel_password=other';
    expect(parseRedisUrl(url)).toEqual({
      kind: 'sentinel',
      hosts: [
        { host: 'one', port: 26379 },
        { host: 'two', port: 26380 },
        { host: '::1', port: 5 },
      ],
      master: 'aerie',
      db: 3,
      username: 'user',
      password: 'p@ss',
      sentinelPassword: 'other',
      tls: false,
      place: 'one,two:26380,[::1]:5',
    });
  });

  it('names some nodes of a Redis Cluster', () => {
    expect(parseRedisUrl('rediss+cluster://:secret@one:7000,two')).toMatchObject({
      kind: 'cluster',
      hosts: [
        { host: 'one', port: 7000 },
        { host: 'two', port: 6379 },
      ],
      password: 'secret',
      tls: true,
    });
  });

  it.each([
    'http://redis',
    'redis://',
    'redis+sentinel://one:26379',
    'redis+sentinel://one/aerie/x',
    'redis+sentinel://one/aerie/1/2',
    'redis+cluster://one:7000/1',
    'redis+cluster://one:0',
    'redis+cluster://one:70000',
    'redis+cluster://one,,two',
    'redis+cluster://%zz@one',
    'redis+cluster://',
  ])('%s is none', (url) => {
    expect(parseRedisUrl(url)).toBeUndefined();
  });
});
