import { Counts } from '../../../channels/flows/counts.ts';
import { MAX_WAITING, MAX_WAITING_BYTES, Outbox } from '../../../channels/flows/outbox.ts';
import { passed, type Traffic, touched } from '../../../channels/kernel/traffic.ts';

const NOW_MS = 1_000_000_000_000;
const message = (from: string | null, to: string, isCounted = true, bytes = 2): Traffic => ({
  ...touched('message', from ?? '', to, NOW_MS),
  from,
  messages: isCounted ? 1 : 0,
  message: { id: 'm', type: 't', payloadJson: 'x'.repeat(bytes), payloadBytes: bytes, expiresAtMs: 0, isCounted },
});
const pairsOf = (counts: Counts) =>
  [...counts.part()].flatMap((item) => (item[0] === 'pair' ? [`${item[1]}-${item[2]}`] : []));

describe('what a node counts', () => {
  it('is of two agents: not what the platform says, nor what an agent sends to itself', () => {
    const counts = new Counts();
    counts.add(message(null, 'bob'));
    counts.add(message('ada', 'ada'));
    counts.add(message('ada', 'bob', false));
    expect([...counts.part()]).toEqual([]);
    counts.add(message('bob', 'ada'));
    expect([...counts.part()]).toEqual([
      ['pair', 'ada', 'bob', [NOW_MS, 0, 0, 0], 1],
      ['window', 'bob', 'ada', NOW_MS, [NOW_MS / 1_000, 1, 0, 0, 0, 0, 0, 0]],
    ]);
  });

  it('tells what changed since the watch began, each pair and direction once', () => {
    const counts = new Counts();
    counts.add(passed('task', 'ada', 'bob', NOW_MS, 5));
    expect(counts.takeUntold()).toEqual([]);
    counts.watch(true);
    counts.add(passed('task', 'ada', 'bob', NOW_MS, 5));
    counts.add(passed('payment', 'bob', 'ada', NOW_MS + 1_000));
    counts.add(touched('negotiation', 'ada', 'bob', NOW_MS + 2_000));
    expect(counts.takeUntold()).toEqual([
      ['pair', 'ada', 'bob', [0, NOW_MS, NOW_MS + 2_000, NOW_MS + 1_000], 3],
      ['window', 'ada', 'bob', NOW_MS, [NOW_MS / 1_000, 2, 10, 0, 0, 0, 0, 0]],
      ['window', 'bob', 'ada', NOW_MS + 1_000, [NOW_MS / 1_000 + 1, 1, 0, 0, 0, 0, 0, 0]],
    ]);
    expect(counts.takeUntold()).toEqual([]);
  });

  it('is recorded when a pair or a kind is new, and else once a minute', () => {
    const counts = new Counts();
    const recorded = () => counts.takeUnrecorded(100).map(({ from, to }) => `${from}-${to}`);
    counts.add(touched('task', 'bob', 'ada', NOW_MS));
    counts.add(touched('task', 'bob', 'ada', NOW_MS + 1));
    expect(recorded()).toEqual(['ada-bob']);
    counts.add(touched('task', 'bob', 'ada', NOW_MS + 60_000));
    expect(recorded()).toEqual([]);
    counts.add(touched('message', 'bob', 'ada', NOW_MS + 60_000));
    expect(recorded()).toEqual(['ada-bob']);
    counts.add(touched('task', 'bob', 'ada', NOW_MS + 119_999));
    expect(recorded()).toEqual([]);
    counts.add(touched('task', 'bob', 'ada', NOW_MS + 120_000));
    const failed = counts.takeUnrecorded(100);
    expect(failed).toHaveLength(1);
    counts.giveBack(failed);
    expect(recorded()).toEqual(['ada-bob']);
  });

  it('is recorded when a kind is new again after ten minutes', () => {
    const counts = new Counts();
    const pass = (kind: 'task' | 'message', atMs: number) => {
      counts.add(passed(kind, 'ada', 'bob', atMs));
      return counts.takeUnrecorded(10).length;
    };
    expect(pass('task', 1_000)).toBe(1);
    expect(pass('message', 590_000)).toBe(1);
    expect(pass('message', 601_000)).toBe(0);
    expect(pass('task', 601_000)).toBe(1);
  });

  it('is of a bounded number of pairs: those that were idle longest are forgotten', () => {
    const counts = new Counts(100);
    for (let at = 0; at < 250; at++) {
      counts.add(passed('message', 'zoe', `a${at}`, NOW_MS + at, 1));
      counts.add(passed('message', 'a0', 'zoe', NOW_MS + at, 1));
      expect(counts.pairs).toBeLessThanOrEqual(100);
    }
    const kept = pairsOf(counts);
    expect(kept).toHaveLength(counts.pairs);
    expect(kept).toContain('a0-zoe');
    expect(kept).toContain('a249-zoe');
    expect(kept).not.toContain('a1-zoe');
    expect(counts.stats.forgotten).toBe(250 - counts.pairs);
  });

  it('is forgotten after ten minutes without anything', () => {
    const counts = new Counts();
    counts.add(passed('message', 'ada', 'bob', NOW_MS, 1));
    counts.tidy(NOW_MS + 599_999);
    expect(pairsOf(counts)).toEqual(['ada-bob']);
    counts.tidy(NOW_MS + 600_000);
    expect([...counts.part()]).toEqual([]);
    expect(counts.pairs).toBe(0);
  });
});

describe('messages that wait to be told', () => {
  it('have their payload up to 4 KiB', () => {
    const outbox = new Outbox();
    outbox.add(message('ada', 'bob', true, 4_096));
    outbox.add(message('ada', 'bob', true, 4_097));
    expect(outbox.take().map(([, { content, contentBytes }]) => [content?.length, contentBytes])).toEqual([
      [4_096, 4_096],
      [undefined, 4_097],
    ]);
  });

  it('are bounded in number and in bytes', () => {
    const outbox = new Outbox();
    for (let at = 0; at < MAX_WAITING + 5; at++) outbox.add(message('ada', 'bob', true, 4_096));
    const told = outbox.take();
    expect(told).toHaveLength(MAX_WAITING);
    expect(outbox.stats.skipped).toBe(5);
    const shown = told.filter(([, { content }]) => content !== null);
    expect(shown).toHaveLength(MAX_WAITING_BYTES / 4_096);
    outbox.add(message('ada', 'bob'));
    expect(outbox.take()).toMatchObject([['message', { content: 'xx' }]]);
  });
});
