import type { WebSocket } from 'uWebSockets.js';
import { setImmediate as turn } from 'node:timers/promises';
import * as aerie from '../../../server/index.ts';
import { OpeningSocket, type Upgraded } from '../../../server/transport/opening_socket.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { connect } from '../../support/frames.ts';

const socket = () => ({}) as WebSocket<Upgraded>;

it('gives a socket that opened to the one who upgraded, once', () => {
  const opening = new OpeningSocket();
  expect(opening.take()).toBeUndefined();
  const one = socket();
  opening.put(one);
  expect(opening.take()).toBe(one);
  expect(opening.take()).toBeUndefined();
});

it('does not give a socket that closed as it opened, and keeps one where another closed', () => {
  const opening = new OpeningSocket();
  const [one, other] = [socket(), socket()];
  opening.put(one);
  opening.closed(one);
  expect(opening.take()).toBeUndefined();
  opening.put(one);
  opening.closed(other);
  expect(opening.take()).toBe(one);
});

describe('sockets that are decided on at once, in a later microtask, and in a later turn', () => {
  let served: Served;
  const open = new Set<string>();
  beforeEach(async () => {
    open.clear();
    served = await serve(
      aerie.socket({
        connect({ params: { when, name = '' } }) {
          open.add(name);
          const answer = aerie.connected({}, { ids: [name], onClose: () => void open.delete(name) });
          if (when === 'at once') return answer;
          return when === 'microtask' ? Promise.resolve(answer) : turn().then(() => answer);
        },
        channels: [],
      }),
    );
  });
  afterEach(() => served.close());

  it('each belong to who connected', async () => {
    const whens = ['at once', 'microtask', 'turn'];
    const names = Array.from({ length: 60 }, (_, at) => `socket ${at}`);
    const clients = await Promise.all(
      names.map((name, at) => {
        const query = new URLSearchParams({ when: whens[at % 3] ?? '', name });
        return connect(`${served.socketUrl}&${query}`);
      }),
    );
    expect([...open].sort()).toEqual([...names].sort());
    // Each answers its own client, and its end is the end of no other.
    for (const [at, client] of clients.entries()) {
      await client.send(JSON.stringify([null, `${at}`, 'phoenix', 'heartbeat', {}]));
      const [, ref] = JSON.parse(String(await client.next()));
      expect(ref).toBe(`${at}`);
      await client.close();
    }
  });
});
