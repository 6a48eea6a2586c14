import { Accounts, type Allowances, defaultAllowances } from '../../../server/allowance/accounts.ts';
import { SocketAllowance } from '../../../server/allowance/socket_allowance.ts';
import { randomFrom } from '../../support/random.ts';

const allowances: Allowances = {
  messages: { perSecond: 10, burst: 20 },
  bytes: { perSecond: 1_000, burst: 10_000 },
  control: { perSecond: 5, burst: 5 },
  accountFactor: 2,
  flood: { maxMessages: 50, maxBytes: 100_000 },
};

function world(of: Partial<Allowances> = {}) {
  const accounts = new Accounts({ ...allowances, ...of });
  const closed: string[] = [];
  const socket = (name: string, account: string | undefined) => {
    const allowance = new SocketAllowance(accounts.of(account), accounts.allowances);
    const entry = {
      closeForFlood() {
        closed.push(name);
        allowance.leave(entry);
      },
    };
    allowance.enter(entry);
    return { allowance, leave: () => allowance.leave(entry) };
  };
  return { accounts, closed, socket };
}

const admitted = (allowance: SocketAllowance, times: number, cost = 1, bytes = 10) =>
  Array.from({ length: times }, () => allowance.take(cost, bytes, 1_000, () => 'x')).filter((waitMs) => waitMs === 0)
    .length;

describe('the allowance of a socket', () => {
  it('counts messages by their cost, and bytes', () => {
    const { socket } = world();
    expect(admitted(socket('a', 'x').allowance, 30)).toBe(20);
    expect(admitted(socket('b', 'y').allowance, 30, 10)).toBe(2);
    expect(admitted(socket('c', 'z').allowance, 10, 1, 4_000)).toBe(2);
  });

  it('is one of several that share their account’s', () => {
    const { socket } = world();
    const counts = ['a', 'b', 'c'].map((name) => admitted(socket(name, 'x').allowance, 20));
    expect(counts).toEqual([20, 20, 0]);
    expect(admitted(socket('d', undefined).allowance, 30)).toBe(20);
    expect(admitted(socket('e', undefined).allowance, 30)).toBe(20);
  });

  it('tells each refused message when there is room behind those before it', () => {
    const { allowance } = world().socket('a', 'x');
    admitted(allowance, 20);
    expect([1, 2, 3].map(() => allowance.take(1, 10, 1_000, () => 'x'))).toEqual([250, 250, 500]);
  });

  it.each([
    ['all different, however late they come', true, 1, 50],
    ['all the same, of a client nearby', false, 2, 3],
    ['all the same, of a client far away', false, 50, 5],
    ['all the same, of a busy client', false, 10, 20],
  ])('hardly ever refuses a message twice that waits as told: %s', (_which, areDifferent, wayMs, jitterMs) => {
    const { socket, closed } = world({ messages: { perSecond: 200, burst: 400 }, flood: defaultAllowances.flood });
    const { allowance } = socket('a', 'x');
    const random = randomFrom(7);
    // 64 messages are always under way; each that is answered is followed by a new one.
    let made = 0;
    const make = (atMs: number) => ({ atMs, refusals: 0, text: areDifferent ? `${++made}` : 'x' });
    let due = Array.from({ length: 464 }, () => make(0));
    const refusals = { once: 0, again: 0 };
    let admittedCount = 0;
    for (let nowMs = 0; nowMs < 30_000; nowMs++) {
      const now = due.filter(({ atMs }) => atMs <= nowMs);
      due = due.filter(({ atMs }) => atMs > nowMs);
      for (const { text, refusals: before } of now) {
        const waitMs = allowance.take(1, 1, nowMs, () => text);
        const lateMs = wayMs + Math.floor(random() * jitterMs);
        if (waitMs > 0) {
          if (before === 0) refusals.once++;
          else refusals.again++;
          due.push({ atMs: nowMs + waitMs + lateMs, refusals: before + 1, text });
        } else {
          admittedCount++;
          if (due.length < 64) due.push(make(nowMs + lateMs));
        }
      }
    }
    expect(refusals.again).toBeLessThan(refusals.once / 10);
    expect(admittedCount).toBeGreaterThan(400 + 30 * 200 * 0.9);
    expect(closed).toEqual([]);
  });

  it('has control frames beside it, which are dropped beyond theirs', () => {
    const { allowance } = world().socket('a', 'x');
    const taken = Array.from({ length: 8 }, () => allowance.takeControl(0, 1_000));
    expect(taken.filter(Boolean)).toHaveLength(5);
    expect(admitted(allowance, 20)).toBe(20);
    expect(allowance.takeControl(0, 1_200)).toBe(true);
  });

  it('has no bound where none is set', () => {
    const { allowance } = world({ messages: undefined, bytes: undefined, control: undefined }).socket('a', 'x');
    expect(admitted(allowance, 10_000)).toBe(10_000);
    expect(allowance.isAmple(1_000_000, 1_000)).toBe(true);
  });
});

describe('a flood', () => {
  it('closes all sockets of the account, which may not connect for 10 s; others’ stay', () => {
    const { socket, closed, accounts } = world();
    const [one] = [socket('one', 'x'), socket('two', 'x'), socket('other', 'y')];
    admitted(one.allowance, 20 + 50);
    expect(closed).toEqual([]);
    admitted(one.allowance, 1);
    expect(closed).toEqual(['one', 'two']);
    expect(accounts.refusedForMs('x', 1_000)).toBe(10_000);
    expect(accounts.refusedForMs('x', 11_000)).toBe(0);
    expect(accounts.refusedForMs('y', 1_000)).toBe(0);
    expect(accounts.refusedForMs(undefined, 1_000)).toBe(0);
  });

  it('is none where as many bytes were let through, however slowly they came', () => {
    const { socket, closed } = world({ messages: undefined, flood: { maxMessages: 1_000, maxBytes: 10_000 } });
    const { allowance } = socket('one', 'x');
    // The account's bucket has what it gave away again by the time of the first refusal.
    for (let count = 0; count < 10; count++) allowance.take(1, 1_000, 1_000 + count * 500, () => 'x');
    for (let count = 0; count < 25; count++) allowance.take(1, 1_000, 6_000, () => 'x');
    expect(closed).toEqual([]);
    for (let count = 0; count < 10; count++) allowance.take(1, 1_000, 6_000, () => 'x');
    expect(closed).toEqual(['one']);
  });

  it.each([2, 5, 10, 19, 30, 100])('is none where a client with 32 MiB under way sends %i MiB/s', (perSecondMiB) => {
    const { socket, closed } = world(defaultAllowances);
    const { allowance } = socket('one', 'x');
    const bytes = 64 * 1_024 + 60;
    // One message after another comes through the wire; each that is answered is followed by a new one.
    const waiting = Array.from({ length: 512 }, (_, made) => ({ atMs: 0, text: `${made}`, refusals: 0 }));
    let refusedTwice = 0;
    for (let nowMs = 0, made = 512; nowMs < 30_000; nowMs += bytes / (perSecondMiB * 1_048.576)) {
      const at = waiting.findIndex(({ atMs }) => atMs <= nowMs);
      if (at < 0) continue;
      const { text, refusals } = waiting.splice(at, 1)[0] as (typeof waiting)[number];
      const waitMs = allowance.take(1, bytes, nowMs, () => text);
      if (waitMs > 0 && refusals > 0) refusedTwice++;
      if (waitMs > 0) waiting.push({ atMs: nowMs + waitMs, text, refusals: refusals + 1 });
      else waiting.push({ atMs: nowMs, text: `${++made}`, refusals: 0 });
    }
    expect({ closed, refusedTwice }).toEqual({ closed: [], refusedTwice: 0 });
  });

  it('is one of control frames too', () => {
    const { socket, closed } = world();
    const { allowance } = socket('one', 'x');
    for (let count = 0; count < 5 + 50; count++) allowance.takeControl(0, 1_000);
    expect(closed).toEqual([]);
    allowance.takeControl(0, 1_000);
    expect(closed).toEqual(['one']);
  });
});

describe('accounts', () => {
  it('are forgotten once they have no socket and owe nothing', () => {
    const { socket, accounts } = world();
    const { allowance, leave } = socket('one', 'x');
    admitted(allowance, 20);
    accounts.tidy(1_000_000);
    expect(accounts.size).toBe(1);
    leave();
    accounts.tidy(1_500);
    expect(accounts.size).toBe(1);
    accounts.tidy(10_000);
    expect(accounts.size).toBe(0);
  });

  it('have the allowances of the contract unless told otherwise', () => {
    expect(defaultAllowances).toEqual({
      messages: { perSecond: 200, burst: 400 },
      bytes: { perSecond: 4_194_304, burst: 33_554_432 },
      control: { perSecond: 100, burst: 200 },
      accountFactor: 5,
      flood: { maxMessages: 2_000, maxBytes: 33_554_432 },
    });
  });
});
