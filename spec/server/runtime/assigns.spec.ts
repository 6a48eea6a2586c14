import * as aerie from '../../../server/index.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { connect } from '../../support/frames.ts';

const counter = aerie.channelsFor<{ user: string }>()({
  topic: 'counter:*',
  events: { count: aerie.anyPayload, look: aerie.anyPayload, silent: aerie.anyPayload },
  join: ({ id }) => aerie.accept({ count: 0, id }),
  on: {
    count(_, socket) {
      const before = socket.assigns;
      socket.assign({ count: before.count + 1 });
      return aerie.reply({ before: before.count, ...socket.assigns });
    },
    look: (_, { assigns }) => aerie.reply(assigns),
    silent(_, socket) {
      socket.assign({ user: 'somebody else' });
    },
  },
});

let served: Served;
beforeAll(async () => {
  served = await serve(aerie.socket({ connect: () => aerie.connected({ user: 'ada' }), channels: [counter] }));
});
afterAll(() => served.close());

it('assigns change by assign, for this channel alone, and a handler may answer nothing', async () => {
  const client = await connect(served.socketUrl);
  const ask = async (topic: string, event: string) => {
    await client.send(JSON.stringify(['1', '2', topic, event, {}]));
    return (JSON.parse(String(await client.next())) as [string, string, string, string, { response: unknown }])[4]
      .response;
  };
  for (const topic of ['counter:a', 'counter:b']) await ask(topic, 'phx_join');
  expect(await ask('counter:a', 'count')).toEqual({ before: 0, count: 1, id: 'a', user: 'ada' });
  expect(await ask('counter:a', 'count')).toEqual({ before: 1, count: 2, id: 'a', user: 'ada' });
  await client.send('["1","3","counter:a","silent",{}]');
  expect(await ask('counter:a', 'look')).toEqual({ count: 2, id: 'a', user: 'somebody else' });
  expect(await ask('counter:b', 'look')).toEqual({ count: 0, id: 'b', user: 'ada' });
});
