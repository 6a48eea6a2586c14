import { Mailbox } from '../../../server/runtime/mailbox.ts';

const message = (event: string) => ({ joinRef: '1', ref: '2', topic: 't', event, payload: {} });
const waiting = (event: string, bytes = 10) => ({ message: message(event), bytes });
const eventsOf = (mailbox: Mailbox) => mailbox.takeAll().map(({ message: { event } }) => event);

let mailbox: Mailbox;
beforeEach(() => {
  mailbox = new Mailbox({ maxWaitingMessages: 3, maxWaitingBytes: 100 });
});

describe('a mailbox', () => {
  it('gives messages back in the order in which they came', () => {
    for (const event of ['a', 'b', 'c']) mailbox.add(waiting(event));
    expect(mailbox.take()?.message.event).toBe('a');
    expect(eventsOf(mailbox)).toEqual(['b', 'c']);
    expect(mailbox.take()).toBeUndefined();
  });

  it('takes as many messages as its limit says, and not one more', () => {
    expect(['a', 'b', 'c', 'd'].map((event) => mailbox.add(waiting(event)))).toEqual([true, true, true, false]);
    mailbox.take();
    expect(mailbox.add(waiting('e'))).toBe(true);
    expect(eventsOf(mailbox)).toEqual(['b', 'c', 'e']);
  });

  it('takes as many bytes as its limit says, and not one more', () => {
    expect(mailbox.add(waiting('a', 60))).toBe(true);
    expect(mailbox.add(waiting('b', 41))).toBe(false);
    expect(mailbox.add(waiting('c', 40))).toBe(true);
    expect(mailbox.bytes).toBe(100);
  });

  it.each([
    ['take', () => mailbox.take()],
    ['takeAll', () => mailbox.takeAll()],
    ['remove', () => mailbox.remove(mailbox.find(() => true) ?? message('none'))],
  ])('has the room back that %s has made', (_, makeRoom) => {
    mailbox.add(waiting('a', 100));
    makeRoom();
    expect([mailbox.size, mailbox.bytes]).toEqual([0, 0]);
    expect(mailbox.add(waiting('b', 100))).toBe(true);
  });

  it('keeps one beyond its limit where it is told to, which counts', () => {
    mailbox.add(waiting('a', 100));
    mailbox.addAnyway(waiting('leave'));
    mailbox.putBack(waiting('first'));
    expect(mailbox.bytes).toBe(120);
    expect(mailbox.add(waiting('b', 0))).toBe(false);
    expect(eventsOf(mailbox)).toEqual(['first', 'a', 'leave']);
  });

  it('finds the oldest of a kind and leaves it there', () => {
    for (const event of ['a', 'leave', 'join']) mailbox.add(waiting(event));
    expect(mailbox.find(({ event }) => event === 'join' || event === 'leave')?.event).toBe('leave');
    expect(mailbox.size).toBe(3);
    expect(mailbox.find(({ event }) => event === 'z')).toBeUndefined();
  });

  it('removes the very message that it is given, and no other that looks alike', () => {
    mailbox.add(waiting('a'));
    mailbox.remove(message('a'));
    expect([mailbox.size, mailbox.bytes]).toEqual([1, 10]);
  });
});
