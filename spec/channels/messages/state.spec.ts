import fc from 'fast-check';
import {
  type Draft,
  decideMessage,
  type Message,
  type MessageCommand,
  TTL_MS,
} from '../../../channels/messages/state.ts';

const draft = (fields: Partial<Draft> = {}): Draft => ({
  id: 'm-1',
  fromAgentId: 'ada',
  toAgentId: 'bob',
  type: 'greeting',
  protocolVersion: '1.0',
  isCounted: true,
  request: 'ada says hello',
  payloadJson: '"hello"',
  ...fields,
});

function became(commands: readonly (readonly [MessageCommand, number?])[], state?: Message): Message | undefined {
  let now = state;
  for (const [command, nowMs = 0] of commands) {
    const decided = decideMessage(now, command, nowMs);
    if (decided.ok) now = decided.state;
  }
  return now;
}

const create = (epoch = 0, fields: Partial<Draft> = {}): MessageCommand => ({
  type: 'create',
  draft: draft(fields),
  epoch,
});
const acknowledge: MessageCommand = { type: 'settle', as: 'acknowledged' };
const reject = (reason: string): MessageCommand => ({ type: 'settle', as: 'rejected', reason });
const expire: MessageCommand = { type: 'settle', as: 'expired' };
const pending = became([[create()], [{ type: 'placed' }]]);

describe('a message', () => {
  it('is found again by the same request, and is in the way of any other', () => {
    expect(decideMessage(pending, create(), 1)).toMatchObject({ ok: true, state: pending, events: [] });
    expect(decideMessage(pending, create(0, { request: 'else' }), 1)).toMatchObject({ ok: false, reason: 'conflict' });
  });

  it('gives its id back when it was not taken', () => {
    const full = became([[create()], [{ type: 'give_up', epoch: 0 }]]);
    expect(full?.progress.status).toBe('void');
    expect(full?.payloadJson).toBe('');
    expect(decideMessage(full, { type: 'placed' }, 0)).toMatchObject({ reason: 'not_found' });
    expect(decideMessage(full, create(4, { request: 'else' }), 9)).toMatchObject({
      ok: true,
      events: [{ type: 'created' }],
      state: { about: { request: 'else', insertedAtMs: 9 }, progress: { status: 'placing', epoch: 4 } },
    });
  });

  it('is not given up once somebody else has taken it over', () => {
    const renewed = became([[create()], [{ type: 'renew', from: 0, epoch: 1 }], [{ type: 'give_up', epoch: 0 }]]);
    expect(renewed?.progress).toMatchObject({ status: 'placing', epoch: 1 });
  });

  it.each([
    [acknowledge, 'acknowledged'],
    [reject('spam'), 'rejected'],
  ])('is settled once: %j', (command, status) => {
    const settled = became([[command]], pending);
    expect(settled?.progress.status).toBe(status);
    expect(decideMessage(settled, command, 1)).toMatchObject({ ok: true, state: settled, events: [] });
    for (const other of [acknowledge, reject('spam'), reject('not wanted')]) {
      if (other === command || (other.type === 'settle' && other.reason === 'spam' && status === 'rejected')) continue;
      expect(decideMessage(settled, other, 1)).toMatchObject({ reason: 'conflict', details: { status } });
    }
  });

  it('expires after seven days, not before', () => {
    expect(decideMessage(pending, expire, TTL_MS - 1)).toMatchObject({ ok: true, state: pending, events: [] });
    expect(decideMessage(pending, acknowledge, TTL_MS - 1)).toMatchObject({ ok: true, events: [{ type: 'settled' }] });
    expect(decideMessage(pending, acknowledge, TTL_MS)).toMatchObject({
      reason: 'conflict',
      details: { status: 'expired' },
    });
    expect(became([[expire, TTL_MS]], pending)?.progress.status).toBe('expired');
  });

  it('is finished by somebody, until there is nothing left to do', () => {
    expect(became([[create(), 100]])?.progress.deadlineMs).toBe(5_100);
    expect(pending?.progress.deadlineMs).toBeNull();
    expect(became([[acknowledge, 100]], pending)?.progress.deadlineMs).toBe(5_100);
    expect(became([[acknowledge, 100], [{ type: 'finish' }]], pending)?.progress.deadlineMs).toBeNull();
  });

  it('never leaves a settlement, whatever comes', () => {
    const someCommand = fc.constantFrom<MessageCommand>(
      create(),
      create(3),
      { type: 'renew', from: 0, epoch: 1 },
      { type: 'placed' },
      { type: 'give_up', epoch: 0 },
      acknowledge,
      reject('no'),
      expire,
      { type: 'finish' },
    );
    fc.assert(
      fc.property(fc.array(someCommand, { maxLength: 20 }), fc.array(someCommand, { maxLength: 20 }), (first, then) => {
        const settled = became([...first.map((command) => [command, 1] as const), [acknowledge, 2]]);
        if (settled?.progress.status !== 'acknowledged') return;
        const later = became(
          then.map((command) => [command, TTL_MS * 2] as const),
          settled,
        );
        expect(later?.progress.status).toBe('acknowledged');
        expect(later?.about).toBe(settled.about);
      }),
    );
  });
});
