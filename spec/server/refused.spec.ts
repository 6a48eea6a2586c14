import * as aerie from '../../server/index.ts';
import { type Served, serve } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { connect, openLongPoll, request, upgradeHeaders } from '../support/frames.ts';

const open = aerie.socket({
  connect({ params: { name } }) {
    if (name === 'ada') return aerie.connected({});
    return name === 'eva' ? aerie.reject('forbidden', { reason: 'suspended', id: 'clerk:eva' }) : aerie.reject();
  },
  channels: [],
});

describe('who was not let in', () => {
  let served: Served;
  let lines: object[];

  beforeEach(async () => {
    lines = [];
    const info = (fields: object, message: string) => lines.push({ ...fields, message });
    served = await serve(open, { log: { ...aerie.silentLog, info }, mount: { origins: 'same_host' } });
  });
  afterEach(() => served.close());

  it('is named with the reason that the socket gave, which the client is not told', async () => {
    const query = 'vsn=2.0.0&name=eva';
    const refused = await request('GET', `${served.url}/socket/websocket?${query}`, { headers: upgradeHeaders });
    expect([refused.status, refused.body]).toEqual([403, '']);
    const polled = await request('GET', `${served.url}/socket/longpoll?${query}`);
    expect(polled.body).toBe('{"status":403}');
    expect(lines).toEqual([
      { ...line('suspended'), id: 'clerk:eva' },
      { ...line('suspended'), id: 'clerk:eva' },
    ]);
  });

  const line = (reason: string) => ({ mount: '/socket', address: '127.0.0.1', reason, message: 'connect refused' });

  it.each([
    ['by the socket', '?vsn=2.0.0&name=eve', {}, 403, 'forbidden'],
    ['for the page it is from', '?vsn=2.0.0&name=ada', { Origin: 'https://elsewhere.example' }, 403, 'wrong_origin'],
    ['for the version it speaks', '?vsn=9.0.0&name=ada', {}, 403, 'unknown_vsn'],
    ['for its handshake', '?vsn=2.0.0&name=ada', { 'Sec-WebSocket-Version': '8' }, 400, 'bad_handshake'],
    ['for its subprotocol', '?vsn=2.0.0&name=ada', { 'Sec-WebSocket-Protocol': 'soap' }, 403, 'unknown_subprotocol'],
  ])('%s is one line of the log, and counted', async (_why, query, headers, status, reason) => {
    const url = `${served.url}/socket/websocket${query}`;
    expect((await request('GET', url, { headers: { ...upgradeHeaders, ...headers } })).status).toBe(status);
    expect(lines).toEqual([line(reason)]);
    expect(served.endpoint.stats).toMatchObject({ connects: 0, refusedConnects: 1 });
  });

  it.each([
    ['by the socket', '?vsn=2.0.0&name=eve', {}, 'forbidden'],
    ['for the page it is from', '?vsn=2.0.0&name=ada', { Origin: 'https://elsewhere.example' }, 'wrong_origin'],
    ['for the version it speaks', '?vsn=9.0.0&name=ada', {}, 'unknown_vsn'],
  ])('%s is so over long-poll too', async (_why, query, headers, reason) => {
    const answer = await request('GET', `${served.url}/socket/longpoll${query}`, { headers });
    expect(JSON.parse(String(answer.body))).toMatchObject({ status: 403 });
    expect(lines).toEqual([line(reason)]);
    expect(served.endpoint.stats).toMatchObject({ connects: 0, refusedConnects: 1 });
  });
});

it('connections are counted by how they ended, and HTTP requests by how they were answered', async () => {
  const served = await serve(open);
  const { stats } = served.endpoint;
  try {
    for (const code of [1_000, 4_001, 4_002]) {
      const client = await connect(`${served.socketUrl}&name=ada`);
      client.close(code);
    }
    const poll = await openLongPoll(`${served.longPollUrl}&name=ada`);
    await eventually(() =>
      expect([...stats.disconnects]).toEqual([
        ['1000', 1],
        ['other', 2],
      ]),
    );
    expect((await request('GET', `${served.url}/nowhere`)).status).toBe(404);
    expect(stats.connects).toBe(4);
    expect(stats.requests.get('404')).toBe(1);
    expect(stats.requests.get('200')).toBeGreaterThan(0);
    served.endpoint.connections.closeAll();
    expect(stats.disconnects.get('none')).toBe(1);
    poll.close();
  } finally {
    served.close();
  }
});
