import { readFrame, taggedErrorFrame } from '../../../gateways/rpc/frames.ts';
import { compareVersions, mismatchOf, readVersion } from '../../../gateways/rpc/versions.ts';

describe('a frame of the client', () => {
  it.each([
    ['{"jsonrpc":"2.0","id":7,"method":"m","params":{"a":1},"headers":[],"traceId":"x"}', 7],
    ['{"jsonrpc":"2.0","id":-9007199254740991,"method":"m"}', -9007199254740991],
    ['{"jsonrpc":"2.0","id":"x","method":"m"}', 'x'],
  ])('%s is a request', (text, id) => {
    expect(readFrame(text)).toMatchObject({ kind: 'request', id, method: 'm' });
  });

  it.each([
    '{"jsonrpc":"2.0","id":0}',
    '{"jsonrpc":"2.0","id":0,"error":{"code":1}}',
    '{}',
    '{"jsonrpc":"2.0","method":"m"}',
    '{"jsonrpc":"2.0","id":null,"method":"m"}',
    '{"jsonrpc":"2.0","id":1,"method":null}',
    '{"jsonrpc":"2.0","method":"@effect/rpc/Ack"}',
  ])('%s is ignored', (text) => {
    expect(readFrame(text)).toEqual({ kind: 'ignored' });
  });

  it('is a ping without an id', () => {
    expect(readFrame('{"jsonrpc":"2.0","method":"@effect/rpc/Ping"}')).toEqual({ kind: 'ping' });
  });

  it.each([
    ['{', -32700],
    ['[]', -32600],
    ['1', -32600],
    ['null', -32600],
    ['{"jsonrpc":"1.0","id":1,"method":"m"}', -32600],
    ['{"id":1,"method":"m"}', -32600],
    ['{"jsonrpc":"2.0","id":1.5,"method":"m"}', -32600],
    ['{"jsonrpc":"2.0","id":9007199254740992,"method":"m"}', -32600],
    ['{"jsonrpc":"2.0","id":"","method":"m"}', -32600],
    [`{"jsonrpc":"2.0","id":"${'x'.repeat(129)}","method":"m"}`, -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"m"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":1}', -32600],
  ])('%.60s is refused', (text, code) => {
    expect(readFrame(text)).toMatchObject({ kind: 'refused', code });
  });
});

it('an error of a row has its tag where an engine finds it, and no null', () => {
  const text = taggedErrorFrame('x', { ok: false, tag: 'TaskNotFound', message: 'No such task.' });
  expect(JSON.parse(text)).toEqual({
    jsonrpc: '2.0',
    id: 'x',
    error: {
      _tag: 'Cause',
      code: -32002,
      message: 'No such task.',
      data: { _tag: 'Fail', error: { _tag: 'TaskNotFound', message: 'No such task.' } },
    },
  });
});

describe('versions', () => {
  it('are numbers joined by dots', () => {
    expect(readVersion('2026.9999.0')).toEqual([2026n, 9999n, 0n]);
    for (const text of ['', 'x', '1.', '.1', '1..2', '1.2.3.4.5.6.7.8.9', '-1', '1.0-beta', '1'.repeat(1_025)]) {
      expect(readVersion(text)).toBeUndefined();
    }
  });

  it('are compared number by number, missing ones as 0', () => {
    expect(compareVersions([1n, 10n], [1n, 9n])).toBeGreaterThan(0);
    expect(compareVersions([1n], [1n, 0n, 0n])).toBe(0);
    expect(compareVersions([1n], [1n, 0n, 1n])).toBeLessThan(0);
  });

  const server = { min: '2026.0.0', max: '2026.9999.0' };
  it.each([
    ['2026.5.1', '2026.5.1', undefined],
    ['1', '9999', undefined],
    ['2025.1', '2026', undefined],
    ['2025.1', '2025.9', 'server-above-client-max'],
    ['2027', '2028', 'server-below-client-min'],
    ['20261129012041999999', '20261129012042000000', 'server-below-client-min'],
  ])('of a client from %s to %s', (min, max, reason) => {
    const mismatch = mismatchOf({ min, max }, server);
    expect(mismatch && mismatch !== 'invalid' ? mismatch.reason : mismatch).toBe(reason);
  });

  it('are invalid where the lowest is above the highest', () => {
    expect(mismatchOf({ min: '2', max: '1' }, server)).toBe('invalid');
  });
});
