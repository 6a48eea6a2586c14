import { Endpoint } from '../../server/endpoint/index.ts';
import { accept, channel, connected, Hub, socket } from '../../server/index.ts';
import { serve } from '../support/endpoint.ts';
import { connect } from '../support/frames.ts';

const open = socket({
  connect: () => connected({}, { ids: ['user:1'] }),
  channels: [channel({ topic: 'hall:*', events: {}, join: () => accept({}), on: {} })],
});

describe('a hub', () => {
  it('is there before its endpoint, and reaches the clients that come by it', async () => {
    const hub = new Hub();
    const heard: string[] = [];
    hub.subscribe('hall:1', ({ event, payload }) => heard.push(`${event} ${payload}`));
    hub.broadcast('hall:1', 'said', { at: 1 });
    hub.broadcastLocal('hall:1', 'said', '{}');

    const served = await serve(open, { hub });
    const client = await connect(served.socketUrl);
    await client.send('["1","2","hall:1","phx_join",{}]');
    await client.next();
    hub.broadcast('hall:1', 'said', { at: 2 });
    hub.broadcastLocal('hall:1', 'said', '{"at":3}');
    expect(await client.next()).toBe('[null,null,"hall:1","said",{"at":2}]');
    expect(await client.next()).toBe('[null,null,"hall:1","said",{"at":3}]');
    expect(heard).toEqual(['said {"at":1}', 'said {"at":2}']);
    expect(hub.stats).toEqual({ broadcasts: 2, deliveries: 2 });

    hub.broadcast('user:1', 'disconnect', {});
    expect(await client.closed()).toMatchObject({ code: 1001 });
    served.close();
  });

  // The second one's native publisher would have taken the place of the first one's, whose clients had heard nothing more.
  it('refuses a second endpoint', async () => {
    const hub = new Hub();
    const served = await serve(open, { hub });
    expect(() => new Endpoint({ hub, mounts: [] })).toThrow('make a Hub for each Endpoint');
    served.close();
  });
});
