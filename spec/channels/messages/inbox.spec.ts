import fc from 'fast-check';
import { inboxType } from '../../../channels/messages/codec.ts';
import {
  decideInbox,
  emptyInbox,
  type Inbox,
  type InboxCommand,
  MAX_FROM_ONE_SENDER,
  MAX_MESSAGES,
} from '../../../channels/messages/inbox.ts';

const DAY_MS = 86_400_000;

/** A simple model of an inbox. */
class Model {
  readonly places = new Map<string, { ordinal: number; sender: string | null }>();
  next = 0;
  epoch = 0;

  /** Returns the expected effect of a command. */
  apply(command: InboxCommand): string {
    const place = 'id' in command && command.id !== undefined ? this.places.get(command.id) : undefined;
    switch (command.type) {
      case 'place':
        if (place || command.epoch !== this.epoch) return '';
        this.places.set(command.id, { ordinal: this.next, sender: command.sender });
        return `placed ${this.next++}`;
      case 'seal':
        return place ? '' : `sealed ${++this.epoch}`;
      case 'remove':
        return this.places.delete(command.id) ? 'removed' : '';
      default:
        return '';
    }
  }

  get order() {
    return [...this.places].sort(([, a], [, b]) => a.ordinal - b.ordinal).map(([id]) => id);
  }
}

const ids = fc.constantFrom('m1', 'm2', 'm3', 'm4', 'm5', 'm6');
/** A message is always of the same sender. */
const senderOf = (id: string) => [null, 'ada', 'bob'][Number(id.slice(1)) % 3] ?? null;
const commands: fc.Arbitrary<InboxCommand> = fc
  .oneof(
    fc.record({
      type: fc.constant('place' as const),
      id: ids,
      epoch: fc.nat(2),
      expiresAtMs: fc.nat(1_000),
      sender: fc.constant(null),
    }),
    fc.record({ type: fc.constant('seal' as const), id: ids }),
    fc.record({ type: fc.constant('remove' as const), id: ids, sender: fc.constant(null) }),
    fc.record({ type: fc.constant('rest' as const), nextMs: fc.option(fc.nat(1_000)) }),
  )
  .map((command) => ('sender' in command ? { ...command, sender: senderOf(command.id) } : command));

/** A store of one aggregate: hands out the fields that a command reads, keeps those that it changes. */
function kept() {
  const fields = new Map<string, string>();
  const order = new Map<number, string>();
  let isThere = false;
  return {
    order: () => [...order].sort(([a], [b]) => a - b).map(([, value]) => JSON.parse(value).id as string),
    fields,
    apply(command: InboxCommand, nowMs = 0) {
      const wanted = (inboxType.reads?.(command) ?? []).filter((name) => fields.has(name));
      const before = isThere
        ? inboxType.parse(Object.fromEntries(wanted.map((name) => [name, fields.get(name) ?? ''])))
        : undefined;
      const decided = inboxType.decide(before, command, nowMs);
      if (!decided.ok) return decided;
      if (decided.state !== before) {
        isThere = true;
        for (const [name, value] of Object.entries(inboxType.change(decided.state, before).fields ?? {})) {
          if (value === null) fields.delete(name);
          else fields.set(name, value);
        }
      }
      for (const { position, value } of decided.entries ?? []) {
        if (value === null) order.delete(position);
        else order.set(position, value);
      }
      return decided;
    },
  };
}

describe('an inbox', () => {
  it('is what a plain model says after any commands, though each reads only the fields that it needs', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 60 }), (sequence) => {
        const model = new Model();
        const store = kept();
        for (const command of sequence) {
          const decided = store.apply(command);
          const events = decided.ok ? decided.events.map((event) => Object.values(event).join(' ')) : [decided.reason];
          expect(events.join()).toBe(model.apply(command));
          if (!decided.ok || !('id' in command)) continue;
          // By this whoever places a message sees whether it is there, and if not, which epoch it has to know.
          expect(decided.state.places.get(command.id)?.ordinal).toBe(model.places.get(command.id)?.ordinal);
          expect(decided.state.head.epoch).toBe(model.epoch);
        }
        expect(store.order()).toEqual(model.order);
        const whole = inboxType.parse(Object.fromEntries(store.fields));
        expect(whole.head.count).toBe(model.places.size);
        expect([...whole.places.keys()].sort()).toEqual([...model.places.keys()].sort());
        for (const sender of ['ada', 'bob']) {
          const count = [...model.places.values()].filter((place) => place.sender === sender).length;
          expect(whole.senders.get(sender) ?? 0).toBe(count);
        }
        // Whatever is there is looked at when it may expire.
        expect(whole.head.count === 0 || whole.head.wakeAtMs !== null).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  const holding = (count: number, sender: string, ofSender: number): Inbox => ({
    ...emptyInbox,
    head: { ...emptyInbox.head, count, next: count },
    senders: new Map([[sender, ofSender]]),
  });
  const place = (sender: string | null): InboxCommand => ({
    type: 'place',
    id: 'm',
    sender,
    expiresAtMs: DAY_MS,
    epoch: 0,
  });

  it('holds 10,000, of which 1,000 from one sender', () => {
    expect(MAX_MESSAGES).toBe(10_000);
    expect(MAX_FROM_ONE_SENDER).toBe(1_000);
    expect(decideInbox(holding(9_999, 'ada', 999), place('ada'), 0)).toMatchObject({
      ok: true,
      state: { head: { count: 10_000 } },
    });
    expect(decideInbox(holding(9_999, 'ada', 1_000), place('ada'), 0)).toMatchObject({
      reason: 'inbox_full',
      details: { scope: 'sender' },
    });
    expect(decideInbox(holding(9_999, 'ada', 1_000), place('bob'), 0)).toMatchObject({ ok: true });
    expect(decideInbox(holding(10_000, 'ada', 1), place('bob'), 0)).toMatchObject({
      reason: 'inbox_full',
      details: { scope: 'inbox' },
    });
  });

  it('counts what the server itself says for nobody, but for the inbox', () => {
    expect(decideInbox(holding(9_999, 'ada', 1_000), place(null), 0)).toMatchObject({
      ok: true,
      state: { senders: new Map([['ada', 1_000]]) },
    });
    expect(decideInbox(holding(10_000, 'ada', 1_000), place(null), 0)).toMatchObject({ reason: 'inbox_full' });
  });

  it('says of a message, and not of a notice, that its sender has sent it', () => {
    for (const isNotice of [false, true]) {
      const decided = decideInbox(undefined, { ...place('ada'), isNotice } as InboxCommand, 0);
      if (!decided.ok) throw new Error('refused');
      const facts = inboxType.facts?.(decided.events, decided.state, { id: 'bob', before: undefined, nowMs: 0 });
      expect(facts).toEqual(isNotice ? [] : [{ type: 'message_sent', atMs: 0, from: 'ada' }]);
    }
  });

  it('takes exactly as many as it holds, whoever sends, and as many again as have left', () => {
    const store = kept();
    const send = (id: string, sender: string) =>
      store.apply({ type: 'place', id, sender, expiresAtMs: DAY_MS, epoch: 0 });
    let refused = 0;
    for (let at = 0; at < 1_010; at++) if (!send(`a${at}`, 'ada').ok) refused++;
    expect(refused).toBe(10);
    for (let at = 0; at < 5; at++) store.apply({ type: 'remove', id: `a${at}`, sender: 'ada' });
    for (let at = 0; at < 10; at++) if (!send(`again${at}`, 'ada').ok) refused++;
    expect(refused).toBe(15);
  });

  it('wakes for its first message, and then when it is told', () => {
    const one = decideInbox(undefined, { ...place('ada'), expiresAtMs: 70 } as InboxCommand, 0);
    expect(one).toMatchObject({ state: { head: { wakeAtMs: 70 } } });
    if (!one.ok) throw new Error('refused');
    expect(decideInbox(one.state, { type: 'rest', nextMs: 90 }, 70)).toMatchObject({
      state: { head: { wakeAtMs: 90 } },
    });
    // Somebody has placed one after the look that found none.
    expect(decideInbox(one.state, { type: 'rest', nextMs: null }, 70)).toMatchObject({
      state: { head: { wakeAtMs: 1_070 } },
    });
    expect(decideInbox(emptyInbox, { type: 'rest', nextMs: null }, 70)).toMatchObject({
      state: { head: { wakeAtMs: null } },
    });
  });
});
