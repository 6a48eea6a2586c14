import {
  REALTIME_SUBSCRIBE_STATES,
  RealtimeChannel,
  RealtimeClient,
  type WebSocketLikeConstructor,
} from '@supabase/realtime-js';
import WebSocket from 'ws';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/frames.ts';
import { useRoom } from '../support/room_server.ts';
import { forgetStrayTimers } from './stray_timers.ts';

const room = useRoom();
forgetStrayTimers();

interface Inner {
  push(event: string, payload: object): { receive(status: string, callback: (response: unknown) => void): void };
  on(event: string, callback: (payload: unknown) => void): void;
}

/*
 * A client of a foreign make that speaks to a Phoenix server of its own. `client.channel(name)` joins `realtime:<name>`,
 * which the room does not have; a RealtimeChannel made by hand takes any topic.
 */
describe.each(['1.0.0', '2.0.0'])('realtime-js with vsn %s', (vsn) => {
  const open: RealtimeClient[] = [];
  let topics = 0;
  const newTopic = () => `room:foreign-${vsn}-${process.pid}-${++topics}`;

  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.disconnect()));
  });

  const connect = (params: Record<string, string> = {}, mount = 'socket') => {
    const client = new RealtimeClient(`${room.url.replace(/^http/, 'ws')}/${mount}`, {
      transport: WebSocket as unknown as WebSocketLikeConstructor,
      params: { apikey: 'none', ...params },
      vsn,
      timeout: 3_000,
      reconnectAfterMs: () => 30,
      disconnectOnEmptyChannelsAfterMs: 0,
      heartbeatIntervalMs: 300,
    });
    open.push(client);
    return client;
  };

  const subscribed = async (topic: string, client = connect(), join: object = {}) => {
    const channel = new RealtimeChannel(topic, { config: {} }, client);
    client.channels.push(channel);
    channel.updateJoinPayload({ ...join });
    const states: string[] = [];
    channel.on('presence', { event: 'sync' }, () => {});
    channel.subscribe((state) => states.push(state));
    await eventually(() => expect(states).toEqual([REALTIME_SUBSCRIBE_STATES.SUBSCRIBED]));
    return { channel, states };
  };

  /** The channel of the official client inside, which its types hide. */
  const inner = (channel: RealtimeChannel) => (channel as unknown as { channelAdapter: Inner }).channelAdapter;

  const pushed = (channel: RealtimeChannel, event: string, payload: object) =>
    new Promise<unknown>((resolve, reject) => {
      const push = inner(channel).push(event, { ...payload });
      push.receive('ok', (response: unknown) => resolve({ ok: response }));
      push.receive('error', (response: unknown) => resolve({ error: response }));
      push.receive('timeout', () => reject(new Error(`${event} timed out`)));
    });

  it('joins, and gets replies', async () => {
    const { channel } = await subscribed(newTopic(), connect({ user_id: 'ann' }));
    expect(await pushed(channel, 'echo', { a: ['é😀'] })).toEqual({ ok: { a: ['é😀'] } });
    expect(await pushed(channel, 'echo_error', { a: 1 })).toEqual({ error: { a: 1 } });
    expect(await pushed(channel, 'whoami', {})).toMatchObject({ ok: { user_id: 'ann', transport: 'websocket' } });
  });

  it('is refused on a topic that the room does not have, and by the room', async () => {
    const client = connect();
    const states: [string, string | undefined][] = [];
    client.channel('x').subscribe((state, error) => states.push([state, error?.message]));
    await eventually(() => expect(states[0]).toEqual([REALTIME_SUBSCRIBE_STATES.CHANNEL_ERROR, 'unmatched topic']));
    const denied = new RealtimeChannel(newTopic(), { config: {} }, client);
    denied.updateJoinPayload({ deny: true });
    denied.subscribe((state, error) => states.push([state, error?.message]));
    await eventually(() => expect(states).toContainEqual([REALTIME_SUBSCRIBE_STATES.CHANNEL_ERROR, 'unauthorized']));
  });

  it('gets broadcasts', async () => {
    const topic = newTopic();
    const [one, two] = [await subscribed(topic), await subscribed(topic)];
    const heard: unknown[] = [];
    inner(two.channel).on('shout', (payload) => heard.push(payload));
    two.channel.on('broadcast', { event: 'news' }, (message) => heard.push(message));
    inner(one.channel).push('shout', { n: 1 });
    await eventually(() => expect(heard).toEqual([{ n: 1 }]));
    // in the form that its own server gives to broadcasts
    const message = { type: 'broadcast', event: 'news', payload: { n: 2 } };
    await request('POST', `${room.url}/broadcast?${new URLSearchParams({ topic, event: 'broadcast' })}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
    });
    await eventually(() => expect(heard).toEqual([{ n: 1 }, message]));
  });

  // without updates: it removes phx_ref from the metas it shows, and so cannot tell which one an update replaces
  it('sees who comes and goes', async () => {
    const topic = newTopic();
    const { channel } = await subscribed(topic, connect(), { name: 'ann' });
    const here = () =>
      Object.entries(channel.presenceState<{ status: string }>())
        .map(([name, metas]) => `${name} ${metas.map(({ status }) => status).join(' ')}`)
        .sort();
    await eventually(() => expect(here()).toEqual(['ann online']));
    const other = await subscribed(topic, connect(), { name: 'bob' });
    await eventually(() => expect(here()).toEqual(['ann online', 'bob online']));
    expect(await other.channel.unsubscribe()).toBe('ok');
    await eventually(() => expect(here()).toEqual(['ann online']));
    expect(other.states).toEqual([REALTIME_SUBSCRIBE_STATES.SUBSCRIBED, REALTIME_SUBSCRIBE_STATES.CLOSED]);
  });

  it('comes back when the server disconnects it', async () => {
    const user = `user-${newTopic()}`;
    const { channel, states } = await subscribed(newTopic(), connect({ user_id: user }));
    const query = new URLSearchParams({ topic: `room_socket:${user}`, event: 'disconnect' });
    await request('POST', `${room.url}/broadcast?${query}`, {
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const { SUBSCRIBED, CHANNEL_ERROR } = REALTIME_SUBSCRIBE_STATES;
    await eventually(() => expect(states).toEqual([SUBSCRIBED, CHANNEL_ERROR, SUBSCRIBED]));
    expect(await pushed(channel, 'echo', { a: 1 })).toEqual({ ok: { a: 1 } });
  });

  it('stays connected by its heartbeats', async () => {
    const { channel, states } = await subscribed(newTopic(), connect({}, 'short'));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await pushed(channel, 'echo', { a: 1 })).toEqual({ ok: { a: 1 } });
    expect(states).toEqual([REALTIME_SUBSCRIBE_STATES.SUBSCRIBED]);
  });

  // its own kind of event: over V1 one more that the room has no clause for, over V2 a binary frame of kind 3
  it('recovers when it broadcasts as to its own server', async () => {
    const { channel, states } = await subscribed(newTopic());
    expect(await channel.send({ type: 'broadcast', event: 'news', payload: { a: 1 } })).toBe('ok');
    const { SUBSCRIBED, CHANNEL_ERROR } = REALTIME_SUBSCRIBE_STATES;
    await eventually(() => expect(states).toEqual([SUBSCRIBED, CHANNEL_ERROR, SUBSCRIBED]));
    expect(await pushed(channel, 'echo', { a: 1 })).toEqual({ ok: { a: 1 } });
  });
});
