import * as aerie from '../../../server/index.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { connect, type SocketClient } from '../../support/frames.ts';

let served: Served;
afterEach(() => served.close());

const hall = aerie.channelsFor<object>()({
  topic: 'hall:*',
  events: { say: aerie.anyPayload },
  join: ({ params }) => {
    const { without } = Object(params) as { readonly without?: string[] };
    return aerie.accept({}, {}, without ? { without } : {});
  },
  on: {
    say(payload, me) {
      for (const event of ['a', 'b', 'end']) me.broadcast(event, payload as object);
    },
  },
});

const enter = async (without?: string[]): Promise<SocketClient> => {
  const client = await connect(served.socketUrl);
  await client.send(JSON.stringify(['1', '1', 'hall:1', 'phx_join', { without }]));
  expect(String(await client.next())).toContain('"status":"ok"');
  return client;
};

/** The events that a member gets, until the last. */
const heard = async (client: SocketClient): Promise<string[]> => {
  const events: string[] = [];
  while (events.at(-1) !== 'end') events.push(JSON.parse(String(await client.next()))[3]);
  return events;
};

it('members of one topic who leave out different events get each what they left in, also after others have gone', async () => {
  served = await serve(aerie.socket({ connect: () => aerie.connected({}), channels: [hall] }));
  const [all, noA, noB, noAToo] = [await enter(), await enter(['a']), await enter(['b']), await enter(['a'])];
  await all.send('["1","2","hall:1","say",{}]');
  expect(await heard(all)).toEqual(['a', 'b', 'end']);
  expect(await heard(noA)).toEqual(['b', 'end']);
  expect(await heard(noB)).toEqual(['a', 'end']);
  expect(await heard(noAToo)).toEqual(['b', 'end']);

  await noB.send('["1","3","hall:1","phx_leave",{}]');
  expect(String(await noB.next())).toContain('"status":"ok"');
  await noA.send('["1","4","hall:1","say",{}]');
  expect(await heard(all)).toEqual(['a', 'b', 'end']);
  expect(await heard(noA)).toEqual(['b', 'end']);
  expect(await heard(noAToo)).toEqual(['b', 'end']);
  for (const client of [all, noA, noB, noAToo]) await client.close();
});
