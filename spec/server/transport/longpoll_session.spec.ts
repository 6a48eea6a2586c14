import { LongPollSession, type PollResult } from '../../../server/transport/longpoll/session.ts';
import { LongPollTokens } from '../../../server/transport/longpoll/token.ts';

const session = () => new LongPollSession({ maxBacklogBytes: 1_000, maxFrameBytes: 1_000 });
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a long-poll session', () => {
  it('hands out what waits, once and in order', () => {
    const polled = session();
    const results: PollResult[] = [];
    polled.send('a');
    polled.send('b');
    polled.poll((result) => results.push(result));
    polled.poll((result) => results.push(result));
    expect(results).toEqual([{ kind: 'messages', messages: ['a', 'b'] }]);
  });

  it('wakes a poll with all that one turn sends', async () => {
    const polled = session();
    const results: PollResult[] = [];
    polled.poll((result) => results.push(result));
    polled.send('a');
    polled.send('b');
    await turn();
    expect(results).toEqual([{ kind: 'messages', messages: ['a', 'b'] }]);
  });

  it('keeps what a client that went away has not got', async () => {
    const polled = session();
    const results: PollResult[] = [];
    const abandon = polled.poll((result) => results.push(result));
    abandon();
    polled.send('a');
    await turn();
    polled.poll((result) => results.push(result));
    expect(results).toEqual([{ kind: 'messages', messages: ['a'] }]);
  });

  it('answers an older poll with nothing when another comes', () => {
    const polled = session();
    const results: PollResult[] = [];
    polled.poll((result) => results.push(result));
    polled.poll((result) => results.push(result));
    expect(results).toEqual([{ kind: 'empty' }]);
  });

  it('that is closed under an open poll says so, and is gone for the next', () => {
    const polled = session();
    const results: PollResult[] = [];
    polled.poll((result) => results.push(result));
    polled.close();
    polled.poll((result) => results.push(result));
    expect(results).toEqual([{ kind: 'closed' }, { kind: 'gone' }]);
  });
});

describe('a session token', () => {
  const ref = { nodeId: 'node-1', mount: '/socket', sessionId: 'session-1' };
  const tokens = new LongPollTokens('secret');

  it('is read by every node that has the secret, and by no other', () => {
    expect(new LongPollTokens('secret').verify(tokens.sign(ref))).toEqual(ref);
    expect(new LongPollTokens('other').verify(tokens.sign(ref))).toBeUndefined();
  });

  it('is void with any character changed', () => {
    const token = tokens.sign(ref);
    for (let at = 0; at < token.length; at++) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      expect(tokens.verify(changed)).toBeUndefined();
    }
  });

  it.each(['', '.', 'garbage', 'a.b', 'a.b.c'])('%j is none', (text) => {
    expect(tokens.verify(text)).toBeUndefined();
  });
});
