import { Type } from 'typebox';
import * as aerie from '../../server/index.ts';
import { type Served, serve } from '../support/endpoint.ts';
import { connect } from '../support/frames.ts';

// What a compiler does not see, or JavaScript does without: each error says what to do.

const define = (parts: object) => () =>
  aerie.channel({ topic: 'room:*', events: {}, on: {}, join: () => aerie.accept({}), ...parts } as never);
const free = Type.Object({});

describe('the definition of a channel', () => {
  it.each([
    ['a topic with * in the middle', { topic: 'room:*:chat' }, 'channel "room:*:chat": * stands at the end'],
    ['a topic with two *', { topic: 'room:**' }, 'channel "room:**": * stands at the end'],
    ['no topic', { topic: '' }, 'name one, as "room:*"'],
    ['no join', { join: undefined }, 'write join()'],
    ['an event without a handler', { events: { say: free } }, 'no handler for its event "say": write on.say'],
    ['one that is handled by accident', { events: { toString: free } }, 'write on.toString'],
    ['a handler without an event', { on: { say() {} } }, 'on.say handles an event that is not declared: add it'],
    ['the cost of no event', { costs: { say: 2 } }, 'costs.say is of an event that is not declared'],
    [
      'a cost beyond all',
      { events: { say: free }, on: { say() {} }, costs: { say: 11 } },
      'costs.say is 11: an event counts as 1 to 10',
    ],
    ['a signal that nobody takes', { signals: { noted: free } }, 'write intercept.noted'],
    ['an event of the protocol', { pushes: { phx_reply: free } }, '"phx_reply": names that begin with phx_ are'],
  ])('with %s raises', (_, parts, said) => {
    expect(define(parts)).toThrow(said);
  });

  it('that is sound does not', () => {
    expect(
      define({
        events: { say: free },
        pushes: { said: free },
        signals: { noted: free },
        on: { say() {} },
        intercept: { noted() {} },
        costs: { say: 10 },
      }),
    ).not.toThrow();
  });
});

describe('the channels of a socket', () => {
  const topics =
    (...all: string[]) =>
    () =>
      aerie.socket({ connect: () => aerie.connected({}), channels: all.map((topic) => define({ topic })()) });

  it.each([
    [['room:*', 'room:*'], 'two channels of one socket have the topic "room:*": give one another'],
    [['lobby', 'lobby'], 'two channels of one socket have the topic "lobby"'],
    [['room:*', 'room:lobby'], 'channel "room:lobby" is never reached, since "room:*" comes before it'],
    [
      ['*', 'room:*'],
      'channel "room:*" is never reached, since "*" comes before it and takes its topics: put it first',
    ],
  ])('%j raise', (all, said) => {
    expect(topics(...all)).toThrow(said);
  });

  it('may have a narrower topic before a wider one', () => {
    expect(topics('room:lobby', 'room:*', 'rooms', '*')).not.toThrow();
  });
});

describe('a channel that runs', () => {
  const early = (verb: 'push' | 'pushSnapshot' | 'broadcast' | 'broadcastOthers') => ({
    topic: verb,
    join({ socket }: { socket: aerie.ChannelSocket<object> }) {
      socket[verb]('hello', '{}');
      return aerie.accept({});
    },
  });
  const odd = (topic: string, parts: object) => ({ topic, events: { say: free }, ...parts });
  let served: Served;
  let faults: string[];

  beforeEach(async () => {
    faults = [];
    const channels = [
      ...(['push', 'pushSnapshot', 'broadcast', 'broadcastOthers'] as const).map(early),
      odd('odd', { on: { say: () => ({ sum: 1 }) } }),
      odd('odd_promise', { on: { say: async () => 'done' } }),
      odd('decided', { on: { say: () => ({ ok: true, state: 1 }) } }),
      { topic: 'odd_join', join: () => undefined },
      { topic: 'odd_async_join', join: async () => ({}) },
    ].map((parts) => define(parts)());
    served = await serve(aerie.socket({ connect: () => aerie.connected({}), channels }), {
      onFault(error) {
        faults.push(String(error));
        return aerie.refuse('internal_error');
      },
    });
  });
  afterEach(() => served.close());

  async function answers(...frames: string[]): Promise<unknown[]> {
    const client = await connect(served.socketUrl);
    const heard: unknown[] = [];
    for (const frame of frames) {
      await client.send(frame);
      heard.push((JSON.parse(String(await client.next())) as unknown[])[4]);
    }
    return heard;
  }
  const refused = { status: 'error', response: { reason: 'internal_error', message: 'Internal error.' } };

  it.each(['push', 'pushSnapshot', 'broadcast', 'broadcastOthers'])(
    'raises on %s before it is joined',
    async (verb) => {
      expect(await answers(`["1","1","${verb}","phx_join",{}]`)).toEqual([refused]);
      expect(faults).toEqual([
        `Error: ${verb} of "hello" on "${verb}" before the join is answered: do it in joined(socket) or in a handler`,
      ]);
    },
  );

  it.each(['odd', 'odd_promise', 'decided'])('raises on an answer that is none: %s', async (topic) => {
    const frames = [`["1","1","${topic}","phx_join",{}]`, `["1","2","${topic}","say",{}]`];
    expect((await answers(...frames)).slice(1)).toEqual([refused]);
    expect(faults).toEqual([expect.stringContaining(`the handler of "say" on "${topic}" returned something else`)]);
  });

  it.each(['odd_join', 'odd_async_join'])('raises on a join that answers nothing: %s', async (topic) => {
    expect(await answers(`["1","1","${topic}","phx_join",{}]`)).toEqual([refused]);
    expect(faults).toEqual([expect.stringMatching(`the join of "${topic}" .*: return accept.*or refuse`)]);
  });
});
