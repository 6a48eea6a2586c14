import { PresenceUnavailable } from '../../../presence/index.ts';
import { faultRefusal } from '../../../server/http/fault.ts';
import { type Log, Unavailable } from '../../../server/index.ts';
import { NodesUnavailable } from '../../../server/nodes/port.ts';
import { PubSubUnavailable } from '../../../server/pubsub/port.ts';
import { StoreReadOnly, StoreUnavailable } from '../../../server/store/port.ts';

describe('a fault of a handler', () => {
  let logged: { level: string; text: unknown }[];
  const note = (level: string) => (_: object, text: string) => void logged.push({ level, text });
  const log = { info: note('info'), warn: note('warn'), error: note('error') } as Log;

  beforeEach(() => {
    logged = [];
  });

  class LedgerUnavailable extends Unavailable {}

  it.each([
    ['the store', new StoreUnavailable('redis://secret@host is away')],
    ['a store that takes no writes', new StoreReadOnly('redis://secret@host is full', 'no room')],
    ['pub/sub', new PubSubUnavailable('redis://secret@host is away')],
    ['the other nodes', new NodesUnavailable('redis://secret@host is away')],
    ['presence', new PresenceUnavailable('redis://secret@host is away')],
    ['what a channel author needs', new LedgerUnavailable('redis://secret@host is away')],
  ])('is unavailable where %s is out of reach, and says no more', (_, error) => {
    const refusal = faultRefusal(error, log, { topic: 'room:1' });
    expect(refusal).toMatchObject({ ok: false, reason: 'unavailable' });
    expect(JSON.stringify(refusal)).not.toContain('secret');
    expect(logged).toEqual([{ level: 'warn', text: 'unavailable' }]);
  });

  it('is an internal error with an incident in the log for all else', () => {
    const refusal = faultRefusal(new Error('a secret of ours'), log, { topic: 'room:1' });
    expect(refusal).toMatchObject({ reason: 'internal_error', details: { incident: expect.any(String) } });
    expect(JSON.stringify(refusal)).not.toContain('secret');
    expect(logged).toEqual([{ level: 'error', text: 'internal error' }]);
  });
});
