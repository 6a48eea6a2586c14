import { writeRefusal } from '../../../server/redis/write_refusal.ts';

describe('a write that Redis refuses', () => {
  it.each([
    ["READONLY You can't write against a read only replica.", 'Redis is a replica'],
    ["READONLY You can't write against a read only replica. script: d03b, on @user_script:1.", 'Redis is a replica'],
    ['NOREPLICAS Not enough good replicas to write.', 'fewer replicas'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'full'],
    ['MISCONF Redis is configured to save RDB snapshots, but …', 'save'],
    ["NOPERM this user has no permissions to run the 'set' command", 'may not write'],
    ["NOPERM User bob has no permissions to run the 'set' command", 'may not write'],
    ["ERR The user executing the script can't run this command or subcommand script: d03b", 'may not write'],
    ["ERR ACL failure in script: User bob has no permissions to run the 'hset' command", 'may not write'],
  ])('%j is told in words for anybody', (message, words) => {
    const why = writeRefusal(new Error(message));
    expect(why).toContain(words);
    expect(why).not.toMatch(/bob|script|\d/);
  });

  it('is found behind a transaction that was given up for it', () => {
    const previousErrors = [new Error("READONLY You can't write against a read only replica.")];
    expect(writeRefusal(Object.assign(new Error('EXECABORT Transaction discarded'), { previousErrors }))).toBe(
      'Redis is a replica',
    );
  });

  it.each([
    new Error('connect ECONNREFUSED 127.0.0.1:6379'),
    new Error('Connection is closed.'),
    new Error('LOADING Redis is loading the dataset in memory'),
    new Error('ERR unknown command'),
    new Error('EXECABORT Transaction discarded because of previous errors.'),
    new Error('constructor of something'),
    new Error(''),
    'READONLY You',
    undefined,
  ])('is not %p', (error) => expect(writeRefusal(error)).toBeUndefined());
});
