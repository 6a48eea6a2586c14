import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import * as aerie from '../../../server/index.ts';
import { localPubSub } from '../../../server/pubsub/local.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { connect, type SocketClient } from '../../support/frames.ts';

const any = aerie.anyPayload;
const desk = aerie.channel({
  topic: 'desk:*',
  events: { echo: any, quiet: any, refuse: any, soon: any, throw: any, throw_later: any, stop: any },
  join({ id }) {
    if (id === 'locked') return aerie.refuse('unauthorized');
    if (id === 'broken') throw new Error('no join');
    return aerie.accept({});
  },
  on: {
    echo: (payload) => aerie.reply(payload),
    quiet() {},
    refuse: () => aerie.refuse('too_early'),
    soon: () => aerie.later(sleep(30).then(() => aerie.reply())),
    throw() {
      throw new Error('oh');
    },
    throw_later: () => aerie.later(Promise.reject(new Error('oh later'))),
    stop: () => aerie.stop(aerie.reply({ bye: true })),
  },
});

const NODE = 'the node of this spec';
type Told = [name: string, message: Record<string, unknown>];
let served: Served;
let client: SocketClient;
let told: Told[];
let ref = 1;

const subscriptions = (['joined', 'handled', 'refused', 'crashed'] as const).map((name) => ({
  name,
  tell: (message: unknown) => void told.push([name, message as Told[1]]),
}));

beforeEach(async () => {
  told = [];
  served = await serve(aerie.socket({ connect: () => aerie.connected({}), channels: [desk] }), {
    pubsub: localPubSub({ nodeId: NODE }),
    onFault: (error) => (String(error).includes('later') ? aerie.refuse('internal_error') : undefined),
  });
  client = await connect(served.socketUrl);
});
afterEach(() => {
  for (const { name, tell } of subscriptions) aerie.hooks[name].unsubscribe(tell);
  served.close();
});

const listen = () => {
  for (const { name, tell } of subscriptions) aerie.hooks[name].subscribe(tell);
};
/** Sends an event and waits for its reply, or the end of its channel. */
async function say(event: string, topic = 'desk:1'): Promise<void> {
  const own = `${++ref}`;
  await client.send(JSON.stringify(['1', own, topic, event, {}]));
  for (;;) {
    const [, heard, , name] = JSON.parse(String(await client.next())) as string[];
    if (heard === own || name === 'phx_error') return;
  }
}
const on = { nodeId: NODE, pattern: 'desk:*', topic: 'desk:1' };
const took = { durationMs: expect.any(Number) };

describe('the hooks of a channel', () => {
  it('tell of joins and of every event that was answered, with what it took', async () => {
    listen();
    await say('phx_join');
    await client.send('["1","2","desk:1","quiet",{}]');
    for (const event of ['echo', 'soon', 'stop']) await say(event);
    expect(told).toEqual([
      ['joined', { ...on, ...took }],
      ...['quiet', 'echo', 'soon', 'stop'].map((event) => ['handled', { ...on, ...took, event, isDeclared: true }]),
    ]);
    const [, , , soon] = told;
    expect(soon?.[1].durationMs).toBeGreaterThan(25);
    for (const [, { durationMs }] of told) expect(durationMs).toBeGreaterThanOrEqual(0);
  });

  it('tell of refusals of joins and events, and which events no channel has', async () => {
    listen();
    await say('phx_join');
    told = [];
    await say('refuse');
    await say('made_up');
    await say('phx_join', 'desk:locked');
    expect(told).toEqual([
      ['refused', { ...on, event: 'refuse', reason: 'too_early' }],
      ['handled', { ...on, ...took, event: 'refuse', isDeclared: true }],
      ['refused', { ...on, event: 'made_up', reason: 'unknown_event' }],
      ['handled', { ...on, ...took, event: 'made_up', isDeclared: false }],
      ['refused', { ...on, topic: 'desk:locked', event: 'phx_join', reason: 'unauthorized' }],
    ]);
  });

  it('tell of handlers that threw, once each, whatever the client was answered', async () => {
    listen();
    await say('phx_join', 'desk:broken');
    await say('phx_join');
    await say('throw_later');
    await say('throw');
    expect(told.map(([name, { event }]) => [name, event])).toEqual([
      ['crashed', 'phx_join'],
      ['refused', 'phx_join'],
      ['joined', undefined],
      ['crashed', 'throw_later'],
      ['crashed', 'throw'],
    ]);
    expect(told.at(-1)?.[1]).toEqual({ ...on, event: 'throw', error: new Error('oh') });
  });

  it('are diagnostics channels of Node.js, and tell nothing of what began before somebody listened', async () => {
    expect(aerie.hooks.handled).toBe(diagnosticsChannel('aerie.channel.handled'));
    await say('phx_join');
    await client.send('["1","2","desk:1","soon",{}]');
    await say('echo');
    listen();
    await client.next();
    expect(told).toEqual([]);
  });
});
