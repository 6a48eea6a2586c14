import { jest } from '@jest/globals';
import { createPresence, type Presence } from '../../presence/index.ts';
import { PresenceClient, type PresenceDiff, TestChannel } from './client.ts';

const diffIntervalMs = 250;

describe('gathering of presence diffs', () => {
  let presence: Presence;
  let diffs: PresenceDiff[];
  let channel: TestChannel;

  const start = (windowMs: number) => {
    diffs = [];
    presence = createPresence({
      hub: { broadcastLocal: (_, __, json) => diffs.push(JSON.parse(json)) },
      diffIntervalMs: windowMs,
    });
    channel = new TestChannel('room');
  };
  const refs = (metas: PresenceDiff['joins']) =>
    Object.fromEntries(Object.entries(metas).map(([key, each]) => [key, each.metas.map(({ phx_ref }) => phx_ref)]));
  const heard = () => diffs.map(({ joins, leaves }) => [refs(joins), refs(leaves)]);
  const refOf = (key: string) => presence.get('room', key).at(-1)?.phx_ref;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['queueMicrotask'] });
    start(diffIntervalMs);
  });
  afterEach(async () => {
    await presence.close();
    jest.useRealTimers();
  });
  const turn = () => jest.advanceTimersByTime(0);

  it('tells the first change in the same turn, with all that changes in it', () => {
    const [a, b] = [presence.track(channel, 'a', {}), presence.track(channel, 'b', {})];
    expect(diffs).toEqual([]);
    turn();
    expect(heard()).toEqual([[{ a: [a], b: [b] }, {}]]);
  });

  it('tells what follows at the end of the window, then opens another', () => {
    const a = presence.track(channel, 'a', {});
    turn();
    const b = presence.track(channel, 'b', {});
    jest.advanceTimersByTime(diffIntervalMs - 1);
    expect(diffs).toHaveLength(1);
    const c = presence.track(channel, 'c', {});
    jest.advanceTimersByTime(1);
    expect(heard().slice(1)).toEqual([[{ b: [b], c: [c] }, {}]]);
    channel.end();
    jest.advanceTimersByTime(diffIntervalMs - 1);
    expect(diffs).toHaveLength(2);
    jest.advanceTimersByTime(1);
    expect(heard().slice(2)).toEqual([[{}, { a: [a], b: [b], c: [c] }]]);
  });

  it('tells at once again after a quiet window', () => {
    presence.track(channel, 'a', {});
    turn();
    jest.advanceTimersByTime(diffIntervalMs);
    presence.track(channel, 'b', {});
    turn();
    expect(diffs).toHaveLength(2);
  });

  it('does not tell of what came and went within a window, or has not changed in the end', () => {
    presence.track(channel, 'a', {});
    turn();
    presence.track(channel, 'b', {});
    presence.update(channel, 'b', { n: 1 });
    presence.untrack(channel, 'b');
    jest.advanceTimersByTime(10 * diffIntervalMs);
    expect(diffs).toHaveLength(1);
  });

  it('tells a chain of updates as one: the first leaves, the last joins and names the first', () => {
    const a = presence.track(channel, 'a', { n: 0 });
    turn();
    for (const n of [1, 2, 3]) presence.update(channel, 'a', { n });
    jest.advanceTimersByTime(diffIntervalMs);
    expect(diffs.slice(1)).toEqual([
      {
        joins: { a: { metas: [{ n: 3, phx_ref: refOf('a'), phx_ref_prev: a }] } },
        leaves: { a: { metas: [{ n: 0, phx_ref: a }] } },
      },
    ]);
  });

  it('tells only the metas of a key that changed', () => {
    const [other, third] = [new TestChannel('room'), new TestChannel('room')];
    presence.track(channel, 'a', {});
    const second = presence.track(other, 'a', {});
    turn();
    other.end();
    const last = presence.track(third, 'a', {});
    jest.advanceTimersByTime(diffIntervalMs);
    expect(heard().slice(1)).toEqual([[{ a: [last] }, { a: [second] }]]);
  });

  // A state of the present would show `b`, of whose end no diff tells.
  it('gives a newcomer the state that the next diff continues', () => {
    presence.track(channel, 'a', {});
    turn();
    presence.track(channel, 'b', {});
    const member = new PresenceClient(presence.state('room'));
    expect([...presence.keys('room')]).toEqual(['a', 'b']);
    presence.untrack(channel, 'b');
    presence.track(channel, 'c', {});
    jest.advanceTimersByTime(diffIntervalMs);
    member.diff(JSON.stringify(diffs.at(-1)));
    expect(member.metas.map(([key]) => key)).toEqual(['a', 'c']);
  });

  it('keeps windows of topics apart, with one timer per topic that changes and none for entries', () => {
    presence.track(channel, 'a', {});
    turn();
    const hall = new TestChannel('hall');
    for (let index = 0; index < 1_000; index++) presence.track(hall, `${index}`, {});
    turn();
    expect(diffs).toHaveLength(2);
    expect(jest.getTimerCount()).toBe(2);
    jest.advanceTimersByTime(diffIntervalMs);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('without a window makes each change a diff of its own, in order, a microtask later', async () => {
    start(0);
    const a = presence.track(channel, 'a', {});
    presence.update(channel, 'a', { n: 1 });
    const b = refOf('a');
    presence.update(channel, 'a', { n: 2 });
    const c = refOf('a');
    presence.untrack(channel, 'a');
    expect(diffs).toEqual([]);
    await Promise.resolve();
    expect(heard()).toEqual([
      [{ a: [a] }, {}],
      [{ a: [b] }, { a: [a] }],
      [{ a: [c] }, { a: [b] }],
      [{}, { a: [c] }],
    ]);
    expect(diffs.map(({ joins }) => joins.a?.metas[0]?.phx_ref_prev)).toEqual([undefined, a, b, undefined]);
  });

  it('gives the state as one string until a diff is told', () => {
    presence.track(channel, 'a', { n: 1 });
    turn();
    const state = presence.state('room');
    presence.track(channel, 'b', {});
    expect(presence.state('room')).toBe(state);
    jest.advanceTimersByTime(diffIntervalMs);
    expect(presence.state('room')).not.toBe(state);
    channel.end();
    jest.advanceTimersByTime(diffIntervalMs);
    expect(presence.state('room')).toBe('{}');
  });

  it('refuses what is no meta and goes on', () => {
    expect(() => presence.track(channel, 'a', { big: 1n })).toThrow(TypeError);
    expect(presence.get('room', 'a')).toEqual([]);
    presence.track(channel, 'a', {});
    expect(() => presence.track(channel, 'a', {})).toThrow('already tracks');
    expect(presence.get('room', 'a')).toHaveLength(1);
  });

  it('builds the state once for all who join within a window', () => {
    const states = new Set<string>();
    for (let index = 0; index < 10_000; index++) {
      const each = new TestChannel('room');
      presence.follow(each);
      states.add(presence.state('room'));
      presence.track(each, `agent ${index}`, { online_at: index });
      if (index === 0) turn();
    }
    expect(states.size).toBe(2);
    jest.advanceTimersByTime(diffIntervalMs);
    expect(diffs).toHaveLength(2);
    expect(Object.keys(JSON.parse(presence.state('room')))).toHaveLength(10_000);
  });
});
