import { openLog } from '../../platform/log_lines.ts';

function written(
  options: { logFormat: 'pretty' | 'json'; isTTY?: boolean },
  tell: (log: ReturnType<typeof openLog>) => void,
) {
  let text = '';
  const out = {
    isTTY: options.isTTY ?? false,
    write(line: string) {
      text += line;
    },
  };
  tell(openLog({ logLevel: 'info', logFormat: options.logFormat, nodeId: 'n1' }, out));
  return text;
}

/** As the Redis client throws it: with the command that was refused. */
function refusedCommand(): Error {
  return Object.assign(new Error('WRONGPASS invalid password'), { command: { name: 'auth', args: ['hunter2'] } });
}

describe('the log in JSON', () => {
  it('has its level as text, its time as ISO 8601 in UTC, and the node', () => {
    const lines = written({ logFormat: 'json' }, (log) => {
      log.info({ port: 4000 }, 'listening');
      log.error({}, 'internal error');
      log.debug({}, 'not asked for');
    });
    const [first, second, ...more] = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toEqual({ level: 'info', time: expect.any(String), node: 'n1', port: 4000, msg: 'listening' });
    expect(first.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(second.level).toBe('error');
    expect(more).toEqual([]);
  });
});

describe.each(['json', 'pretty'] as const)('an error in the %s log', (logFormat) => {
  // The arguments of a refused AUTH are the password that REDIS_URL has.
  it('has its message, stack and cause, and nothing else that hangs on it', () => {
    const cause = Object.assign(new Error('of a broken pipe'), { secret: 'hunter2' });
    const line = written({ logFormat }, (log) => {
      log.warn({ err: refusedCommand() }, 'refused');
      log.warn({ err: new Error('no answer', { cause }) }, 'unavailable');
    });
    for (const part of ['WRONGPASS invalid password', 'log_lines.spec', 'no answer', 'of a broken pipe']) {
      expect(line).toContain(part);
    }
    expect(line).not.toContain('hunter2');
  });

  it('may be no Error at all', () => {
    expect(written({ logFormat }, (log) => log.error({ err: 'thrown text' }, 'odd'))).toContain('thrown text');
  });
});

describe('the log for people', () => {
  it('is one line with time, level, message and the rest by name', () => {
    const line = written({ logFormat: 'pretty' }, (log) =>
      log.info({ port: 4000, store: 'my disk', at: { a: 1 } }, 'on'),
    );
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}on port=4000 store="my disk" at=\{"a":1\}\n$/);
  });

  it('has a colour for the level at a terminal alone', () => {
    const warn = (log: ReturnType<typeof openLog>) => log.warn({}, 'careful');
    expect(written({ logFormat: 'pretty', isTTY: true }, warn)).toContain('\u001b[33mWARN \u001b[0m careful');
    expect(written({ logFormat: 'pretty' }, warn)).not.toContain('\u001b');
  });

  it('lets nothing through that a terminal obeys, whoever chose the text', () => {
    const evil = '\u001b]0;owned\u0007\u009b2J\r\u202e\u2028';
    const line = written({ logFormat: 'pretty' }, (log) => {
      log.info({ topic: evil, [evil]: evil, deep: [evil] }, evil);
      log.error({ err: new Error(evil) }, 'x');
    });
    expect(line).toContain('\\u001b');
    expect(line.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });
});
